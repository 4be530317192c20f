//! What there is to carry: categories with their habits, services with their share and network.

use crate::links::Kind;

/// Which services there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Era {
    /// Those of the 2020s.
    #[default]
    Today,
    /// Those of January 2012: direct download by Megaupload and its neighbours, less video.
    Y2012,
}

/// A category's habits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Category {
    pub(crate) name: &'static str,
    /// Share on a link of each kind, in the order of [`Kind::ALL`]; they need not add up.
    shares: [f64; 6],
    shares_2012: [f64; 6],
    /// When its share is largest, and by how much it goes up and down.
    pub(crate) peak_hour: f64,
    pub(crate) swing: f64,
    /// Octets out for one octet in.
    pub(crate) back: f64,
    /// Octets of a packet of the heavier way, and of a flow's heavier way.
    pub(crate) packet: f64,
    pub(crate) flow: f64,
    /// Usual round-trip time of its handshakes in microseconds; 0 where it has none.
    pub(crate) round_trip_us: f64,
}

impl Category {
    pub(crate) fn share(&self, era: Era, kind: Kind) -> f64 {
        let shares = match era {
            Era::Today => &self.shares,
            Era::Y2012 => &self.shares_2012,
        };
        shares.get(kind as usize).copied().unwrap_or_default()
    }
}

macro_rules! categories {
    ($($name:literal $shares:tt $shares_2012:tt peak $peak:literal swing $swing:literal back $back:literal
        packet $packet:literal flow $flow:literal rtt $rtt:literal)+) => {
        &[$(Category { name: $name, shares: $shares, shares_2012: $shares_2012, peak_hour: $peak,
            swing: $swing, back: $back, packet: $packet, flow: $flow, round_trip_us: $rtt }),+]
    };
}

/// Shares after the published application mixes of fixed access networks: video more than half today;
/// in 2012 peer-to-peer, direct download and video about alike.
#[rustfmt::skip]
pub(crate) const CATEGORIES: &[Category] = categories! {
    //                 transit  pni   ix  cache  cust  back    transit  pni   ix  cache  cust  back
    "streaming"       [30.0, 55.0, 34.0, 80.0, 22.0, 42.0]  [24.0, 55.0, 26.0, 80.0, 16.0, 30.0]
        peak 21.0 swing 0.25 back 0.03 packet 1400.0 flow 6.0e6 rtt 14_000.0
    "web"             [20.0, 22.0, 22.0, 10.0, 34.0, 20.0]  [22.0, 25.0, 22.0, 12.0, 36.0, 21.0]
        peak 17.0 swing 0.15 back 0.12 packet 1100.0 flow 9.0e4 rtt 24_000.0
    "p2p"             [10.0,  0.0, 12.0,  0.0,  4.0,  8.0]  [17.0,  0.0, 20.0,  0.0,  6.0, 16.0]
        peak 2.0 swing 0.30 back 0.85 packet 1150.0 flow 4.0e6 rtt 65_000.0
    "direct-download" [ 9.0,  0.0,  5.0,  0.0,  3.0,  5.0]  [20.0,  0.0, 12.0,  0.0,  6.0, 15.0]
        peak 22.0 swing 0.15 back 0.025 packet 1440.0 flow 9.0e7 rtt 31_000.0
    "software-update" [ 6.0,  9.0,  6.0,  8.0,  6.0,  6.0]  [ 3.0,  9.0,  3.0,  6.0,  4.0,  3.0]
        peak 4.0 swing 0.40 back 0.02 packet 1440.0 flow 8.0e6 rtt 12_000.0
    "gaming"          [ 6.0,  5.0,  6.0,  2.0,  2.0,  6.0]  [ 3.0,  2.0,  4.0,  0.0,  1.0,  3.0]
        peak 22.0 swing 0.25 back 0.05 packet 1300.0 flow 1.2e7 rtt 22_000.0
    "cloud-storage"   [ 4.0,  6.0,  4.0,  0.0,  8.0,  3.5]  [ 1.0,  2.0,  1.0,  0.0,  3.0,  1.0]
        peak 14.0 swing 0.30 back 0.60 packet 1250.0 flow 1.5e6 rtt 20_000.0
    "usenet"          [ 2.5,  0.0,  2.0,  0.0,  0.5,  1.5]  [ 3.0,  0.0,  3.0,  0.0,  0.5,  2.5]
        peak 1.0 swing 0.20 back 0.02 packet 1440.0 flow 4.0e7 rtt 18_000.0
    "messaging"       [ 2.5,  2.0,  2.5,  0.0,  3.0,  2.0]  [ 0.7,  1.0,  0.7,  0.0,  1.0,  0.7]
        peak 19.0 swing 0.20 back 0.35 packet 700.0 flow 6.0e4 rtt 30_000.0
    "voip"            [ 2.0,  1.0,  2.0,  0.0,  6.0,  1.5]  [ 1.0,  0.0,  1.0,  0.0,  3.0,  1.0]
        peak 11.0 swing 0.60 back 0.95 packet 420.0 flow 5.0e6 rtt 0.0
    "vpn"             [ 3.0,  0.0,  3.0,  0.0,  9.0,  2.0]  [ 1.0,  0.0,  1.0,  0.0,  6.0,  1.0]
        peak 14.0 swing 0.50 back 0.40 packet 950.0 flow 2.0e7 rtt 0.0
    "unknown"         [ 3.5,  0.0,  2.5,  0.0,  3.0,  2.5]  [ 3.0,  0.0,  3.0,  0.0,  3.0,  3.0]
        peak 20.0 swing 0.05 back 0.30 packet 800.0 flow 2.0e5 rtt 45_000.0
    "mail"            [ 0.5,  0.5,  0.4,  0.0,  1.5,  0.4]  [ 0.8,  1.0,  0.6,  0.0,  3.0,  0.7]
        peak 10.5 swing 0.55 back 0.50 packet 900.0 flow 9.0e4 rtt 26_000.0
    "remote-access"   [ 0.4,  0.0,  0.4,  0.0,  1.5,  0.3]  [ 0.3,  0.0,  0.3,  0.0,  1.5,  0.3]
        peak 14.0 swing 0.50 back 0.25 packet 600.0 flow 3.0e6 rtt 33_000.0
    "dns"             [ 0.1,  0.1,  0.1,  0.0,  0.2,  0.1]  [ 0.1,  0.1,  0.1,  0.0,  0.2,  0.1]
        peak 20.0 swing 0.10 back 0.55 packet 160.0 flow 260.0 rtt 0.0
    "network"         [ 0.3,  0.0,  0.3,  0.0,  0.5,  0.2]  [ 0.3,  0.0,  0.3,  0.0,  0.5,  0.2]
        peak 12.0 swing 0.02 back 0.90 packet 120.0 flow 1_200.0 rtt 0.0
};

/// A service in a category: protocol, share of the category, network (0: all over the world).
pub(crate) type Service = (&'static str, &'static str, &'static str, f64, u32);

/// Which services an era has.
pub(crate) const fn services(era: Era) -> &'static [Service] {
    match era {
        Era::Today => TODAY,
        Era::Y2012 => Y2012,
    }
}

#[rustfmt::skip]
const TODAY: &[Service] = &[
    ("streaming", "quic", "youtube", 30.0, 15169),
    ("streaming", "tls", "netflix", 24.0, 2906),
    ("streaming", "tls", "prime-video", 10.0, 16509),
    ("streaming", "tls", "disney-plus", 9.0, 20940),
    ("streaming", "quic", "tiktok", 8.0, 20940),
    ("streaming", "tls", "twitch", 4.5, 16509),
    ("streaming", "tls", "youtube", 4.0, 15169),
    ("streaming", "tls", "spotify", 2.5, 15169),
    ("streaming", "tls", "dailymotion", 1.5, 41690),
    ("streaming", "tls", "unattributed", 5.0, 13335),
    ("web", "quic", "facebook", 16.0, 32934),
    ("web", "quic", "instagram", 15.0, 32934),
    ("web", "tls", "none", 22.0, 0),
    ("web", "quic", "google", 10.0, 15169),
    ("web", "tls", "cloudflare", 9.0, 13335),
    ("web", "tls", "akamai", 7.0, 20940),
    ("web", "tls", "fastly", 4.0, 54113),
    ("web", "tls", "x", 2.5, 13414),
    ("web", "http", "none", 3.0, 0),
    ("web", "tls", "wikipedia", 0.8, 14907),
    ("web", "tls", "apple", 3.0, 714),
    ("p2p", "bittorrent", "none", 88.0, 0),
    ("p2p", "edonkey", "none", 7.0, 0),
    ("p2p", "soulseek", "none", 3.0, 0),
    ("p2p", "directconnect", "none", 2.0, 0),
    ("direct-download", "tls", "1fichier", 30.0, 24935),
    ("direct-download", "tls", "mega", 22.0, 205809),
    ("direct-download", "tls", "rapidgator", 15.0, 49981),
    ("direct-download", "tls", "unattributed", 12.0, 0),
    ("direct-download", "tls", "nitroflare", 7.0, 60068),
    ("direct-download", "tls", "turbobit", 6.0, 49981),
    ("direct-download", "tls", "mediafire", 5.0, 13335),
    ("direct-download", "http", "unattributed", 3.0, 0),
    ("software-update", "http", "windows-update", 38.0, 20940),
    ("software-update", "tls", "apple-update", 28.0, 714),
    ("software-update", "tls", "google-update", 18.0, 15169),
    ("software-update", "tls", "windows-update", 12.0, 8075),
    ("software-update", "http", "debian", 2.0, 54113),
    ("gaming", "http", "steam", 38.0, 32590),
    ("gaming", "tls", "playstation", 22.0, 20940),
    ("gaming", "tls", "xbox", 16.0, 8075),
    ("gaming", "tls", "epic-games", 14.0, 16509),
    ("gaming", "tls", "roblox", 6.0, 22697),
    ("cloud-storage", "tls", "icloud", 32.0, 714),
    ("cloud-storage", "quic", "google-drive", 27.0, 15169),
    ("cloud-storage", "tls", "onedrive", 25.0, 8075),
    ("cloud-storage", "tls", "dropbox", 12.0, 19679),
    ("usenet", "tls", "newshosting", 55.0, 12989),
    ("usenet", "nntp", "eweka", 30.0, 12989),
    ("usenet", "tls", "giganews", 15.0, 30094),
    ("messaging", "tls", "whatsapp", 60.0, 32934),
    ("messaging", "tls", "telegram", 26.0, 62041),
    ("messaging", "tls", "discord", 12.0, 13335),
    ("voip", "rtp", "teams", 46.0, 8075),
    ("voip", "rtp", "zoom", 30.0, 30103),
    ("voip", "sip", "none", 8.0, 0),
    ("vpn", "wireguard", "none", 46.0, 0),
    ("vpn", "openvpn", "none", 28.0, 0),
    ("vpn", "ipsec", "none", 26.0, 0),
    ("unknown", "unknown", "none", 100.0, 0),
    ("mail", "tls", "outlook", 45.0, 8075),
    ("mail", "tls", "gmail", 40.0, 15169),
    ("mail", "smtp", "none", 15.0, 0),
    ("remote-access", "ssh", "none", 70.0, 0),
    ("remote-access", "rdp", "none", 30.0, 0),
    ("dns", "dns", "none", 100.0, 0),
    ("network", "ntp", "none", 30.0, 0),
    ("network", "bgp", "none", 70.0, 0),
];

/// Direct download as DeepField and others measured it on the day before Megaupload was shut:
/// Megaupload 34 %, FileSonic 19 %, Putlocker and RapidShare 4 % each.
#[rustfmt::skip]
const Y2012: &[Service] = &[
    ("streaming", "http", "youtube", 42.0, 15169),
    ("streaming", "http", "unattributed", 22.0, 0),
    ("streaming", "http", "dailymotion", 12.0, 41690),
    ("streaming", "http", "netflix", 12.0, 3356),
    ("streaming", "http", "hulu", 7.0, 20940),
    ("streaming", "http", "twitch", 5.0, 46489),
    ("web", "http", "none", 46.0, 0),
    ("web", "http", "facebook", 14.0, 32934),
    ("web", "http", "google", 12.0, 15169),
    ("web", "http", "akamai", 14.0, 20940),
    ("web", "tls", "none", 11.0, 0),
    ("web", "http", "wikipedia", 3.0, 43821),
    ("p2p", "bittorrent", "none", 72.0, 0),
    ("p2p", "edonkey", "none", 20.0, 0),
    ("p2p", "gnutella", "none", 5.0, 0),
    ("p2p", "directconnect", "none", 3.0, 0),
    ("direct-download", "http", "megaupload", 34.1, 46179),
    ("direct-download", "http", "filesonic", 19.1, 29748),
    ("direct-download", "http", "unattributed", 14.0, 0),
    ("direct-download", "http", "videobb", 9.0, 29748),
    ("direct-download", "http", "uploaded", 6.0, 24940),
    ("direct-download", "http", "putlocker", 4.0, 39572),
    ("direct-download", "http", "rapidshare", 4.0, 3356),
    ("direct-download", "http", "novamov", 4.0, 39572),
    ("direct-download", "http", "mediafire", 5.8, 46179),
    ("software-update", "http", "windows-update", 70.0, 20940),
    ("software-update", "http", "apple-update", 30.0, 20940),
    ("gaming", "http", "steam", 60.0, 32590),
    ("gaming", "http", "xbox", 40.0, 8075),
    ("cloud-storage", "tls", "dropbox", 100.0, 19679),
    ("usenet", "nntp", "giganews", 60.0, 30094),
    ("usenet", "nntp", "newshosting", 40.0, 12989),
    ("messaging", "tls", "none", 100.0, 0),
    ("voip", "rtp", "none", 60.0, 0),
    ("voip", "sip", "none", 40.0, 0),
    ("vpn", "ipsec", "none", 60.0, 0),
    ("vpn", "openvpn", "none", 40.0, 0),
    ("unknown", "unknown", "none", 100.0, 0),
    ("mail", "smtp", "none", 60.0, 0),
    ("mail", "tls", "gmail", 40.0, 15169),
    ("remote-access", "ssh", "none", 60.0, 0),
    ("remote-access", "rdp", "none", 40.0, 0),
    ("dns", "dns", "none", 100.0, 0),
    ("network", "ntp", "none", 30.0, 0),
    ("network", "bgp", "none", 70.0, 0),
];

/// Access networks all over the world, the other end of what has no network of its own.
pub(crate) const ACCESS: [u32; 34] = [
    3215, 12322, 3320, 7922, 15557, 5410, 2856, 3352, 3269, 1136, 5432, 701, 7018, 5607, 5089,
    33915, 12430, 12874, 3301, 6848, 3303, 20115, 28573, 27699, 7303, 4713, 2516, 4766, 4134,
    12389, 9121, 55836, 24560, 1221,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_has_services_and_every_service_a_category() {
        for era in [Era::Today, Era::Y2012] {
            for category in CATEGORIES {
                let own = services(era).iter().filter(|service| service.0 == category.name);
                assert!(own.map(|service| service.3).sum::<f64>() > 0.0, "{}", category.name);
            }
            for service in services(era) {
                assert!(
                    CATEGORIES.iter().any(|category| category.name == service.0),
                    "{service:?}"
                );
                let same = services(era).iter().filter(|other| {
                    other.1 == service.1 && other.2 == service.2 && other.0 == service.0
                });
                assert_eq!(same.count(), 1, "{service:?}");
            }
        }
    }
}
