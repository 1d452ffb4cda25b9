//! What asks the web.

use anyhow::{Result, ensure};

use super::Field;
use crate::abuse::class::room_name;
use crate::abuse::huge::SESSION;
use crate::abuse::trial::TOKEN;
use crate::words;

pub(super) async fn ids(field: &Field, _: usize) -> Result<()> {
    let mut http = field.source.http().await?;
    let room = room_name(0).replace(' ', "%20");
    loop {
        let guess = words::uuid(7, field.count());
        let path = format!("/api/v1/recovery?roomname={room}");
        let answer = http.get(&path, &format!("Authorization: Bearer {guess}\r\n")).await?;
        ensure!(answer.status < 429, "refused: {}", answer.status);
    }
}

pub(super) async fn tokens(field: &Field, place: usize) -> Result<()> {
    let mut http = field.source.http().await?;
    loop {
        let guess = format!("{:04}", field.count());
        let answer = match place % 2 {
            0 => http.get(&format!("/review?token={guess}"), "").await?,
            _ => {
                let bearer = format!("Authorization: Bearer {guess}\r\n");
                http.get("/api/v1/sessions", &bearer).await?
            }
        };
        ensure!(answer.status < 429, "refused: {}", answer.status);
    }
}

pub(super) async fn review(field: &Field, place: usize) -> Result<()> {
    let paths = [
        format!("/api/v1/sessions/{SESSION}/links"),
        format!("/api/v1/sessions/{SESSION}/attendance.csv"),
        format!("/api/v1/sessions/{SESSION}/timeline.svg"),
        format!("/review/sessions/{SESSION}"),
        format!("/api/v1/sessions/{SESSION}/participants"),
        format!("/api/v1/sessions/{SESSION}/events.csv"),
        format!("/api/v1/sessions/{SESSION}/events"),
        "/review".to_owned(),
    ];
    let headers = format!("Authorization: Bearer {TOKEN}\r\nConnection: close\r\n");
    let mut http = field.source.http().await?;
    let path = &paths[place % paths.len()];
    http.send(crate::abuse::source::head("GET", path, &headers).as_bytes())
        .await?;
    let answered = http.drain().await?;
    ensure!(answered > 0, "no answer");
    field.count();
    Ok(())
}
