//! Questions that the server asks by itself (RFC 4256): passwords of another day, one-time codes.

use russh::client::{Handle, KeyboardInteractiveAuthResponse as Said, Prompt};

use super::Target;
use super::host_key::HostKey;
use super::log_in::text_of;
use crate::error::Error;
use crate::prompt::Wanted;

/// How often a server may ask: one that goes on asking is not answered.
const ROUNDS: usize = 10;

impl Target<'_> {
    /// Answers what the server asks: the first thing that is not to be seen is taken for the password,
    /// if there is one, and for anything else somebody is asked.
    pub(super) async fn by_answers(
        &self,
        handle: &mut Handle<HostKey>,
        tried: &mut Vec<String>,
    ) -> Result<bool, Error> {
        let start = handle.authenticate_keyboard_interactive_start(&self.user, None);
        let mut said = start.await.map_err(|error| self.failed(&error))?;
        let mut password = self.options.credentials.ssh.password.clone();
        for round in 0..ROUNDS {
            let prompts = match said {
                Said::Success => return Ok(true),
                Said::Failure { .. } => return Ok(false),
                Said::InfoRequest { prompts, .. } => prompts,
            };
            let mut answers = Vec::with_capacity(prompts.len());
            for Prompt { prompt, echo } in prompts {
                let answer = match password.take_if(|_| !echo) {
                    Some(password) => Some(password),
                    None => self.ask(Wanted::Answer, prompt.trim()).await,
                };
                let Some(answer) = answer else {
                    return Ok(false);
                };
                answers.push(text_of(&answer, "an answer to the SSH server")?);
            }
            if round == 0 {
                tried.push("answers to its questions".to_owned());
            }
            let respond = handle.authenticate_keyboard_interactive_respond(answers);
            said = respond.await.map_err(|error| self.failed(&error))?;
        }
        Ok(false)
    }
}
