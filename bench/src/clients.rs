//! Many dashboards at once: clients that ask history without a pause, and one that asks for health.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Value, json};

/// How often health is asked for.
const PERIOD: Duration = Duration::from_millis(100);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks the appliance questions from many connections at once, and how it is meanwhile
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where the API is
    #[arg(long, value_name = "ADDRESS:PORT")]
    address: String,
    /// Clients, each of which asks the next question when the last is answered
    #[arg(long, value_name = "N", default_value_t = 60)]
    clients: u32,
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
}

/// Runs the command: prints what was answered as one JSON object.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let answered: Mutex<Vec<(u16, f64)>> = Mutex::default();
    let healths = thread::scope(|scope| {
        for client in 0..arguments.clients {
            let (address, answered) = (&arguments.address, &answered);
            scope.spawn(move || ask_until(end, address, client, answered));
        }
        watch(end, &arguments.address)
    });
    ensure!(!healths.is_empty(), "health was never answered");
    let answered = answered.into_inner().unwrap_or_default();
    let count = |status: u16| answered.iter().filter(|answer| answer.0 == status).count();
    let mut good: Vec<f64> = answered.iter().filter(|it| it.0 == 200).map(|it| it.1).collect();
    let mut times: Vec<f64> = healths.iter().map(|health| health.0).collect();
    let lag = healths.iter().filter_map(|health| health.1).max();
    let (ok, busy) = (count(200), count(503));
    println!(
        "{}",
        json!({
            "ok": ok, "busy": busy, "other": answered.len() - ok - busy,
            "p50": percentile(&mut good, 50), "p99": percentile(&mut good, 99),
            "healths": healths.len(), "health_p99": percentile(&mut times, 99), "lag": lag,
        })
    );
    Ok(())
}

/// Questions like those of the pages, no two alike.
fn ask_until(end: Instant, address: &str, client: u32, answered: &Mutex<Vec<(u16, f64)>>) {
    for number in 0_u32.. {
        if Instant::now() >= end {
            return;
        }
        let group = match number % 4 {
            0 => "category",
            1 => "service",
            2 => "link,category",
            _ => "protocol",
        };
        let minutes = 15 + (client * 7 + number) % 600;
        let path =
            format!("/api/v1/volumes?from=now-{minutes}m&to=now&step=1m&group_by={group}&top=20");
        let began = Instant::now();
        // 0: no answer at all.
        let status = get(address, &path).map_or(0, |answer| answer.0);
        if let Ok(mut answered) = answered.lock() {
            answered.push((status, began.elapsed().as_secs_f64()));
        }
        if status == 503 {
            thread::sleep(PERIOD); // A page waits longer.
        }
    }
}

/// Seconds that each answer of health took, and how far behind the rows were.
fn watch(end: Instant, address: &str) -> Vec<(f64, Option<i64>)> {
    let mut seen = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        if let Some((200, body)) = get(address, "/api/v1/health") {
            let took = began.elapsed().as_secs_f64();
            let health: Value = serde_json::from_str(&body).unwrap_or_default();
            seen.push((took, health.pointer("/store/lag_seconds").and_then(Value::as_i64)));
        } else {
            seen.push((PATIENCE.as_secs_f64(), None));
        }
        thread::sleep(PERIOD.saturating_sub(began.elapsed()));
    }
    seen
}

/// Status and body.
fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The value below which so many hundredths are; `None` of nothing.
fn percentile(values: &mut [f64], hundredths: usize) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get((values.len() * hundredths / 100).min(values.len().checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        assert_eq!(percentile(&mut [], 99), None);
        assert_eq!(percentile(&mut [3.0], 99), Some(3.0));
        let mut values: Vec<f64> = (0..200).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 50), Some(100.0));
        assert_eq!(percentile(&mut values, 99), Some(198.0));
    }
}
