//! People who are logged in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use time::{Duration, OffsetDateTime};

use super::{Caller, Role, Share, Via};

/// The cookie that holds a session.
pub(crate) const COOKIE: &str = "etiage_session";
/// How long a session lasts that nobody uses: a working day.
const IDLE: Duration = Duration::hours(12);
/// How long one lasts at most.
pub(crate) const LONGEST: Duration = Duration::days(30);
/// Sessions at the same time; a further one ends the one that was used longest ago.
const MAX_SESSIONS: usize = 1_024;

/// All sessions, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<Arc<str>, Session>>);

#[derive(Clone, Copy, Debug)]
struct Session {
    role: Role,
    begun: OffsetDateTime,
    used: OffsetDateTime,
}

impl Session {
    fn ends(&self) -> OffsetDateTime {
        let longest = self.begun.saturating_add(LONGEST);
        self.used.saturating_add(IDLE).min(longest)
    }
}

impl Sessions {
    /// Begins one, and says its number.
    pub(crate) fn begin(&self, role: Role, now: OffsetDateTime) -> Arc<str> {
        let id: Arc<str> = random().into();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.ends() > now);
        if sessions.len() >= MAX_SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(id.clone(), Session { role, begun: now, used: now });
        id
    }

    /// Whose it is, if it has not ended; it is used now.
    pub(crate) fn find(&self, id: &str, now: OffsetDateTime) -> Option<Caller> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (own, _) = sessions.get_key_value(id)?;
        let own = own.clone();
        let session = sessions.get_mut(id)?;
        if session.ends() <= now {
            sessions.remove(id);
            return None;
        }
        session.used = session.used.max(now);
        Some(session.role.caller(Via::Session, Some(session.ends()), Share::Session(own)))
    }

    /// Whether it has not ended. That does not use it.
    pub(crate) fn lives(&self, id: &str, now: OffsetDateTime) -> bool {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(id).is_some_and(|session| session.ends() > now)
    }

    /// Ends one.
    pub(crate) fn end(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// How many there are.
    pub(crate) fn count(&self, now: OffsetDateTime) -> usize {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.values().filter(|session| session.ends() > now).count()
    }
}

/// The session's number that a browser sends.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// 256 bits that nobody can guess, in hexadecimal digits.
pub(crate) fn random() -> String {
    format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

    #[test]
    fn sessions_end_when_nobody_uses_them_and_at_last() {
        let sessions = Sessions::default();
        let id = sessions.begin(Role::Viewer, NOW);
        assert_eq!(id.len(), 64);
        assert_eq!(sessions.find("", NOW), None);
        let mut at = NOW;
        while at < NOW + Duration::days(29) {
            at += Duration::hours(11);
            assert!(sessions.find(&id, at).is_some(), "{at}");
        }
        assert_eq!(sessions.find(&id, NOW + LONGEST), None);
        assert_eq!(sessions.find(&id, NOW), None, "once ended, it is gone");

        let id = sessions.begin(Role::Operator, NOW);
        assert!(sessions.lives(&id, NOW + IDLE - Duration::SECOND));
        assert!(!sessions.lives(&id, NOW + IDLE), "asking whether it lives does not use it");
        assert_eq!(sessions.find(&id, NOW + IDLE), None);
        let id = sessions.begin(Role::Operator, NOW);
        assert_eq!(sessions.count(NOW), 1);
        sessions.end(&id);
        assert_eq!(sessions.count(NOW), 0);
        assert!(!sessions.lives(&id, NOW));
    }

    #[test]
    fn there_are_only_so_many_sessions() {
        let sessions = Sessions::default();
        let first = sessions.begin(Role::Viewer, NOW);
        for second in 1..=MAX_SESSIONS {
            sessions.begin(Role::Viewer, NOW + Duration::seconds(second as i64));
        }
        assert_eq!(sessions.count(NOW), MAX_SESSIONS);
        assert_eq!(sessions.find(&first, NOW), None);
    }

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; etiage_session_2=x"));
        headers.append(header::COOKIE, HeaderValue::from_static("c=d;etiage_session=abc"));
        assert_eq!(cookie(&headers), Some("abc"));
    }
}
