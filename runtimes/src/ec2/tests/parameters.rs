//! Parameters of the fake, as SSM keeps them.

use serde_json::{Value, json};

use super::fake::Account;

impl Account {
    /// The calls that are about parameters.
    pub(super) fn keep(&mut self, action: &str, body: &Value) -> Result<Value, (u16, &'static str)> {
        Ok(match action {
            "PutParameter" => {
                let [name, value] =
                    ["Name", "Value"].map(|field| body[field].as_str().unwrap_or_default().to_owned());
                assert_eq!(
                    (&body["Type"], &body["Overwrite"]),
                    (&json!("SecureString"), &json!(true))
                );
                if let Some(machine) = &self.machine {
                    machine.keep(&name, Some(&value));
                }
                let version = self.versions.entry(name.clone()).or_default();
                *version += 1;
                let version = *version;
                self.parameters.insert(name, value);
                json!({ "Version": version })
            }
            "GetParametersByPath" => {
                assert_eq!(
                    (&body["Recursive"], &body["WithDecryption"]),
                    (&json!(true), &json!(true))
                );
                let path = format!("{}/", body["Path"].as_str().unwrap_or_default());
                let after = body["NextToken"].as_str().unwrap_or_default();
                let mut below = self
                    .parameters
                    .iter()
                    .filter(|(name, _)| name.starts_with(&path) && name.as_str() > after);
                let page: Vec<_> = below.by_ref().take(10).collect();
                let next = below.next().and(page.last()).map(|(name, _)| *name);
                let shown = page.iter().map(|(name, value)| {
                    let version = self.versions.get(*name).copied().unwrap_or(1);
                    json!({ "Name": name, "Value": value, "Version": version, "Type": "SecureString" })
                });
                json!({ "Parameters": shown.collect::<Vec<_>>(), "NextToken": next })
            }
            "AddTagsToResource" => {
                let name = body["ResourceId"].as_str().unwrap_or_default().to_owned();
                self.tags.insert(name, body["Tags"].clone());
                json!({})
            }
            "DeleteParameters" => {
                let names = body["Names"].as_array().cloned().unwrap_or_default();
                assert!((1..=10).contains(&names.len()), "{names:?}");
                for name in names.iter().filter_map(Value::as_str) {
                    self.parameters.remove(name);
                    self.versions.remove(name);
                    if let Some(machine) = &self.machine {
                        machine.keep(name, None);
                    }
                }
                json!({ "DeletedParameters": [], "InvalidParameters": [] })
            }
            _ => return Err((400, "InvalidAction")),
        })
    }
}
