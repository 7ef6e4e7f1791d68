//! What the hosts have of the fleet.

use std::process::ExitCode;

use serde_json::json;

use super::session::Session;
use super::{CliError, GetArgs, Output};

/// Prints the machines of the fleet that the hosts have.
///
/// # Errors
/// When a host cannot be asked.
pub async fn get(args: &GetArgs) -> Result<ExitCode, CliError> {
    let session = Session::start(&args.hosts, &[]).await?;
    let mut machines = Vec::new();
    for host in session.ctx.hosts.all() {
        for domain in host.all_domains().await? {
            let Some(mark) = domain.mark() else { continue };
            if mark.fleet != args.hosts.fleet {
                continue;
            }
            let kept = match mark.manager.as_str() {
                "" => "cluster",
                "cli" => "cli",
                _ => "cluster",
            };
            machines.push([
                mark.namespace.clone(),
                mark.name.clone(),
                host.name.clone(),
                domain.state.as_str().to_owned(),
                mark.epoch.to_string(),
                kept.to_owned(),
                domain.uuid.to_string(),
            ]);
        }
    }
    machines.sort();
    let titles = [
        "NAMESPACE",
        "NAME",
        "HOST",
        "STATE",
        "EPOCH",
        "KEPT-BY",
        "UUID",
    ];
    match args.output {
        Output::Text => print_table(&titles, &machines),
        Output::Json => {
            let all = machines.iter().map(|row| {
                let fields = titles.iter().zip(row);
                let fields = fields.map(|(title, field)| (title.to_lowercase(), json!(field)));
                serde_json::Value::Object(fields.collect())
            });
            println!("{:#}", json!({"machines": all.collect::<Vec<_>>()}));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_table<const N: usize>(titles: &[&str; N], rows: &[[String; N]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.chain([titles[column].len()]).max().unwrap_or(0)
    };
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().enumerate();
        let padded: Vec<_> = padded
            .map(|(column, cell)| format!("{cell:<width$}", width = width(column)))
            .collect();
        println!("{}", padded.join("   ").trim_end());
    };
    line(titles.to_vec());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}
