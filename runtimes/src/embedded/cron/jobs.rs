//! `cron/jobs.json`: an agent's jobs, in the shape that `OpenClaw` keeps them in.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::schedule::Schedule;

/// Where it is in the workspace.
pub(super) const PATH: &str = "cron/jobs.json";
/// More jobs an agent does not have.
const MOST: usize = 100;
/// Longest message, in bytes.
const LONGEST_MESSAGE: usize = 100_000;

/// A job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) schedule: Schedule,
    /// The schedule as it is written: another text is another schedule.
    pub(super) written: String,
    /// What the agent is told.
    pub(super) message: String,
}

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    /// Jobs that are on.
    pub(super) jobs: Vec<Job>,
    /// What is wrong with others, for people.
    pub(super) wrong: Vec<String>,
}

impl Jobs {
    /// Reads the file: a list of jobs, or an object that has it as `jobs`.
    pub(super) fn read(text: &str) -> Self {
        let mut found = Self::default();
        let file: Value = match serde_json::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                found.wrong.push(format!("{PATH} is not JSON: {error}"));
                return found;
            }
        };
        let Some(list) = list(&file) else {
            found.wrong.push(format!("{PATH} has no list of jobs"));
            return found;
        };
        if list.len() > MOST {
            found.wrong.push(format!(
                "{PATH} has more than {MOST} jobs; the first {MOST} count"
            ));
        }
        let mut ids = BTreeSet::new();
        for (index, entry) in list.iter().take(MOST).enumerate() {
            if entry["enabled"] == false {
                continue;
            }
            match Job::read(entry) {
                Ok(job) if !ids.insert(job.id.clone()) => {
                    found
                        .wrong
                        .push(format!("job {:?}: another one has its id", job.name));
                }
                Ok(job) => found.jobs.push(job),
                Err(reason) => {
                    let name = entry["name"]
                        .as_str()
                        .map_or_else(|| format!("{}", index + 1), |name| format!("{name:?}"));
                    found.wrong.push(format!("job {name}: {reason}"));
                }
            }
        }
        found
    }
}

fn list(file: &Value) -> Option<&Vec<Value>> {
    file.as_array().or_else(|| file["jobs"].as_array())
}

impl Job {
    fn read(entry: &Value) -> Result<Self, String> {
        let name = entry["name"].as_str().map(str::trim).unwrap_or_default();
        if !is_name(name) {
            return Err("its name has not 1 to 200 characters".to_owned());
        }
        let payload = &entry["payload"];
        let message = payload["message"].as_str().or_else(|| payload["text"].as_str());
        let message = message.map(str::trim).unwrap_or_default();
        if message.is_empty() || message.len() > LONGEST_MESSAGE {
            return Err("its payload has no message, or one that is too long".to_owned());
        }
        Ok(Self {
            id: entry["id"].as_str().unwrap_or(name).to_owned(),
            name: name.to_owned(),
            schedule: Schedule::read(&entry["schedule"])?,
            written: entry["schedule"].to_string(),
            message: message.replace('\0', ""),
        })
    }
}

fn is_name(name: &str) -> bool {
    (1..=200).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// The file with that job in the place of any of its name; the error is for people.
pub(super) fn with(
    text: Option<&str>,
    name: &str,
    schedule: &Value,
    message: &str,
) -> Result<String, String> {
    let entry = json!({
        "id": name, "name": name, "enabled": true, "schedule": schedule,
        "sessionTarget": "isolated", "wakeMode": "now", "payload": { "kind": "agentTurn", "message": message },
        "delivery": { "mode": "none" }
    });
    Job::read(&entry)?;
    let mut file = without(text, name)?.0;
    let jobs = list_of(&mut file)?;
    if jobs.len() >= MOST {
        return Err(format!("there are {MOST} jobs already"));
    }
    jobs.push(entry);
    Ok(pretty(&file))
}

/// The file without the job of that name; `None`: there is none.
pub(super) fn lacking(text: Option<&str>, name: &str) -> Result<Option<String>, String> {
    let (file, was_there) = without(text, name)?;
    Ok(was_there.then(|| pretty(&file)))
}

fn without(text: Option<&str>, name: &str) -> Result<(Value, bool), String> {
    let mut file = match text {
        Some(text) => serde_json::from_str(text).map_err(|error| format!("{PATH} is not JSON: {error}"))?,
        None => json!({ "version": 1, "jobs": [] }),
    };
    let jobs = list_of(&mut file)?;
    let before = jobs.len();
    jobs.retain(|job| job["name"] != name);
    let was_there = jobs.len() < before;
    Ok((file, was_there))
}

fn list_of(file: &mut Value) -> Result<&mut Vec<Value>, String> {
    let jobs = if file.is_array() {
        Some(file)
    } else {
        file.get_mut("jobs")
    };
    jobs.and_then(Value::as_array_mut)
        .ok_or_else(|| format!("{PATH} has no list of jobs"))
}

fn pretty(file: &Value) -> String {
    format!("{file:#}\n")
}

#[cfg(test)]
mod tests;
