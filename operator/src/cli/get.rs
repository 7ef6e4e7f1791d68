//! What the hosts have: of the fleet, or of what files say.

use std::process::ExitCode;

use drover_core::identity::Mark;
use serde_json::{Value, json};

use super::session::Session;
use super::{CliError, GetArgs, Output, files, plan};

/// Prints what the hosts have of the objects in files, or the machines of the fleet.
///
/// # Errors
/// When the objects or the hosts cannot be read.
pub async fn get(args: &GetArgs) -> Result<ExitCode, CliError> {
    match args.files.as_slice() {
        [] => of_the_fleet(args).await?,
        _ => of_files(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn of_the_fleet(args: &GetArgs) -> Result<(), CliError> {
    let session = Session::start(&args.hosts, &[]).await?;
    let mut machines = Vec::new();
    for host in session.ctx.hosts.all() {
        for domain in host.all_domains().await? {
            let Some(mark) = domain.mark() else { continue };
            if mark.fleet != args.hosts.fleet {
                continue;
            }
            machines.push([
                mark.namespace.clone(),
                mark.name.clone(),
                host.name.clone(),
                domain.state.as_str().to_owned(),
                mark.epoch.to_string(),
                keeper(mark).to_owned(),
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
                Value::Object(fields.collect())
            });
            println!("{:#}", json!({"machines": all.collect::<Vec<_>>()}));
        }
    }
    Ok(())
}

fn keeper(mark: &Mark) -> &'static str {
    match mark.manager.as_str() {
        "cli" => "cli",
        _ => "cluster",
    }
}

async fn of_files(args: &GetArgs) -> Result<(), CliError> {
    let given = files::read(&args.files, &args.hosts.namespace)?;
    let plans = plan::plans(&args.hosts, &given).await?;
    match args.output {
        Output::Text => {
            let titles = ["KIND", "NAMESPACE", "NAME", "HOST", "STATE", "TO-DO"];
            let or_none = |text: &str| match text {
                "" => "-".to_owned(),
                text => text.to_owned(),
            };
            let rows = plans.items.iter().map(|item| item.row().map(or_none));
            print_table(&titles, &rows.collect::<Vec<_>>());
        }
        Output::Json => println!("{:#}", plans.json()),
    }
    Ok(())
}

pub(super) fn print_table<const N: usize>(titles: &[&str; N], rows: &[[String; N]]) {
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
