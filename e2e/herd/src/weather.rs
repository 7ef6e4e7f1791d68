//! What befalls the connections, whatever is asked over them.

use std::time::Duration;

use clap::Args;
use drover_rpc_proto::server::Request;

use crate::random::Random;

// A call that changes something takes longer than one that looks.
const READS: [&str; 7] = [
    "_GET_",
    "_LIST_",
    "_IS_",
    "_LOOKUP_",
    "_REGISTER_",
    "AUTH_",
    "FEATURE",
];

/// How late answers are and how often connections are lost, drawn from a seed.
#[derive(Debug, Clone, Default, Args)]
pub struct Weather {
    /// The seed of all that is drawn.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Milliseconds until a question is answered, from half as much to half as much again.
    #[arg(long, default_value_t = 0.0)]
    pub read_ms: f64,
    /// Milliseconds until a change is made, likewise.
    #[arg(long, default_value_t = 0.0)]
    pub change_ms: f64,
    /// The part of the calls before which the connection is lost.
    #[arg(long, default_value_t = 0.0)]
    pub lost_calls: f64,
    /// The part of the calls that are done, and whose answer is lost with the connection.
    #[arg(long, default_value_t = 0.0)]
    pub lost_answers: f64,
}

/// What is to become of all hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Sky {
    /// They are there.
    #[default]
    Fair,
    /// Every connection is closed, and no new one is taken: the daemons are gone.
    Refusing,
    /// Nothing comes and nothing goes, and nobody is told: the network is cut.
    Silent,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    Answered,
    Lost,
    AnswerLost,
}

/// The weather of one connection.
#[derive(Debug)]
pub(crate) struct Forecast {
    random: Random,
}

impl Weather {
    /// That of a host's connection of this number.
    pub(crate) fn forecast(&self, host: usize, connection: u64) -> Forecast {
        let random = Random::of(self.seed, &[host as u64, connection]);
        Forecast { random }
    }
}

impl Forecast {
    /// How late a call is answered, and what becomes of it.
    pub(crate) fn of(&mut self, weather: &Weather, request: &Request) -> (Duration, Fate) {
        let name = request.info().map_or("", |row| row.name);
        let read = READS.iter().any(|part| name.contains(part));
        let usual = if read {
            weather.read_ms
        } else {
            weather.change_ms
        };
        let millis = usual * (0.5 + self.random.part());
        let fate = match self.random.part() {
            part if part < weather.lost_calls => Fate::Lost,
            part if part < weather.lost_calls + weather.lost_answers => Fate::AnswerLost,
            _ => Fate::Answered,
        };
        let late = Duration::try_from_secs_f64(millis / 1_000.0).unwrap_or_default();
        (late, fate)
    }
}
