//! Wiring of the API: the ports that clients come in by, certificates, and what it is told of the configuration.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use anyhow::anyhow;
use etiage_aggregator::Live;
use etiage_api::{
    Access, AllowedHosts, Billing, BoundProxySocket, Certificates, Clock, DEFAULT_MAX_STREAMS,
    Detection, Doors, LinkInfo, ServiceInfo, StoreKind, Token,
};
use etiage_classifier::Knowledge;
use etiage_store::{Store, WriterHandle};
use time::OffsetDateTime;
use tokio::net::TcpListener;

use crate::config::{self, Config};
use crate::failure::Failure;

/// Where clients will come in: bound before privileges are given up, opened once there is a runtime.
pub(crate) struct Bound {
    tcp: std::net::TcpListener,
    proxy: Option<BoundProxySocket>,
}

impl Bound {
    /// Only within a runtime.
    pub(crate) fn open(self) -> io::Result<Doors> {
        let proxy = self.proxy.map(BoundProxySocket::open).transpose()?;
        Ok(Doors { tcp: TcpListener::from_std(self.tcp)?, proxy })
    }
}

/// Binds what `[api]` says; as the user that the program was started as, who may take any port.
pub(crate) fn bind(config: &config::Api) -> Result<Bound, Failure> {
    let listen = config.listen;
    let bound = std::net::TcpListener::bind(listen).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    let tcp = bound.map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                "is another etiage running? Stop it, or set [api] listen to another port"
            }
            ErrorKind::AddrNotAvailable => "this machine has no such address: set [api] listen",
            _ => "set [api] listen",
        };
        Failure::Failed(anyhow!("cannot serve on {listen}: {error}; {advice}"))
    })?;
    let proxy = config.proxy_socket.as_ref().map(|config::ProxyDoor { path, user }| {
        BoundProxySocket::bind(path, *user).map_err(|error| {
            let path = path.display();
            Failure::Failed(anyhow!(
                "cannot listen on {path}: {error}; its directory must exist and be ours: set \
                 [api.proxy] socket"
            ))
        })
    });
    let proxy = proxy.transpose()?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(Bound { tcp, proxy })
}

/// The certificate for TLS, read again when its files change or a SIGHUP comes.
pub(crate) fn certificates(config: &config::Api) -> Result<Option<Certificates>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let Some(config::TlsFiles { certificate, key }) = &config.tls else { return Ok(None) };
    let certificates = Certificates::load(certificate, key)
        .map_err(|error| Failure::Unusable(format!("etiage: {error}")))?;
    tokio::spawn(certificates.clone().keep_fresh());
    let (own, mut hangup) = (certificates.clone(), signal(SignalKind::hangup())?);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            own.refresh();
        }
    });
    Ok(Some(certificates))
}

/// What the API is told of this configuration, whoever serves it.
pub(crate) fn api_settings(
    config: &Config,
    (store, store_kind): (Store, StoreKind),
    writer: WriterHandle,
    live: Arc<Live>,
    knowledge: Arc<Knowledge>,
) -> Result<etiage_api::Settings, Failure> {
    Ok(etiage_api::Settings {
        store,
        store_kind,
        writer,
        live,
        knowledge,
        links: config.links.iter().map(link_info).collect(),
        services: services(config),
        probe: config.probe.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        started: OffsetDateTime::now_utc(),
        token: token(config.api.token.as_deref())?,
        certificates: None,
        access: access(config)?,
        hosts: AllowedHosts::for_address(config.api.listen.ip(), &config.api.hosts),
        networks: Arc::default(),
        clock: Clock::system(),
        max_streams: DEFAULT_MAX_STREAMS,
        alerts: None,
        flow_records: None,
        detection: Detection {
            parameters: config.detection.parameters.clone(),
            calendar: config.detection.calendar.clone(),
        },
    })
}

/// Who is known beside the operators' token.
fn access(config: &Config) -> Result<Access, Failure> {
    let proxy = config.api.proxy.clone();
    Ok(Access { viewer_token: token(config.api.viewer_token.as_deref())?, proxy })
}

fn token(text: Option<&str>) -> Result<Option<Token>, Failure> {
    let token = text.map(Token::new).transpose();
    token.map_err(|error| Failure::Unusable(format!("etiage: the API's token: {error}")))
}

fn link_info(link: &config::Link) -> LinkInfo {
    LinkInfo {
        name: link.name.to_string(),
        kind: link.kind.to_owned(),
        capacity_bps: link.capacity_bps,
        neighbour_asn: link.neighbour_asn,
        ratio_policy: link.ratio_policy.map(config::Ratio::value),
        description: link.description.clone(),
        billing: Billing { tariff: link.tariff, offset: link.billing_offset },
    }
}

fn services(config: &Config) -> Vec<ServiceInfo> {
    let info = |service: &etiage_classifier::Service| ServiceInfo {
        name: service.name.to_string(),
        category: service.category.name().to_owned(),
    };
    config.rules.services().map(info).collect()
}
