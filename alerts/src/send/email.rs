//! Mail by SMTP. All mails of an event are one thread; each has the same `Message-ID` however often it is
//! sent.

use std::time::{Duration, SystemTime};

use lettre::message::SinglePart;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::{SendError, chain};
use crate::message::Message;
use crate::receiver::{EmailTarget, Encryption};

pub(super) struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    target: EmailTarget,
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Email").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Email {
    pub(super) fn new(target: &EmailTarget, timeout: Duration) -> Result<Self, String> {
        let tls = match target.encryption {
            Encryption::None => Tls::None,
            Encryption::StartTls => Tls::Required(parameters(target)?),
            Encryption::Tls => Tls::Wrapper(parameters(target)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&target.host)
            .port(target.port)
            .tls(tls)
            .timeout(Some(timeout));
        if let Some((user, password)) = &target.login {
            let password = password.reveal().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self { transport: builder.build(), target: target.clone() })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<String, SendError> {
        let mail = self.mail(message).map_err(|reason| SendError::Refused { reason })?;
        match self.transport.send(mail).await {
            Ok(answer) => {
                let text: Vec<&str> = answer.message().collect();
                Ok(format!("{} {}", answer.code(), text.join(" ")))
            }
            Err(error) => {
                let mut reason = chain(&error);
                if let Some((_, password)) = &self.target.login {
                    reason = password.redact(&reason);
                }
                // 53x is about us, and can be put right; other fives are about this mail (RFC 5321, 4.2).
                let about_us =
                    error.status().is_some_and(|code| code.to_string().starts_with("53"));
                Err(if error.is_permanent() && !about_us {
                    SendError::Refused { reason }
                } else {
                    SendError::again(reason)
                })
            }
        }
    }

    fn mail(&self, message: &Message) -> Result<lettre::Message, String> {
        let host = self.target.from.email.domain();
        let id = |name: &str| format!("<{name}@{host}>");
        let sent = u64::try_from(message.now).unwrap_or(0);
        let mut mail = lettre::Message::builder()
            .from(self.target.from.clone())
            .subject(&message.words.title)
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(sent))
            .message_id(Some(id(&message.id)));
        for to in &self.target.to {
            mail = mail.to(to.clone());
        }
        if message.first != message.id {
            mail = mail.in_reply_to(id(&message.first)).references(id(&message.first));
        }
        let text = SinglePart::plain(message.words.text.clone());
        mail.singlepart(text).map_err(|error| error.to_string())
    }
}

fn parameters(target: &EmailTarget) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(target.host.clone());
    if let Some(path) = &target.ca_file {
        let pem = std::fs::read(path)
            .map_err(|error| format!("`ca_file`: cannot read {}: {error}", path.display()))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|error| format!("`ca_file`: {}: {}", path.display(), chain(&error)))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| chain(&error))
}
