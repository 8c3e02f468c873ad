//! Specs of the file of jobs.

use super::*;

fn job(name: &str) -> Value {
    json!({
        "name": name, "schedule": { "kind": "every", "everyMs": 60_000 },
        "payload": { "kind": "agentTurn", "message": " What is the price? " }, "delivery": { "mode": "none" }
    })
}

#[test]
fn a_list_and_an_object_with_a_list_are_read() {
    let list = json!([job("price"), { "name": "off", "enabled": false }]);
    for file in [list.clone(), json!({ "version": 1, "jobs": list })] {
        let found = Jobs::read(&file.to_string());
        assert_eq!(found.wrong, Vec::<String>::new());
        assert_eq!(found.jobs.len(), 1);
        let price = &found.jobs[0];
        assert_eq!(
            (&*price.id, &*price.name, &*price.message),
            ("price", "price", "What is the price?")
        );
    }
}

#[test]
fn what_is_wrong_with_one_job_keeps_no_other_from_running() {
    let mut silent = job("silent");
    silent["payload"] = json!({});
    let mut odd = job("odd");
    odd["schedule"] = json!({ "kind": "moon" });
    let found =
        Jobs::read(&json!([silent, odd, job(""), job("a\nb"), job("price"), job("price")]).to_string());
    assert_eq!(found.jobs.len(), 1);
    assert_eq!(found.wrong.len(), 5, "{:?}", found.wrong);
    assert!(found.wrong[0].contains("\"silent\"") && found.wrong[0].contains("message"));
    for (text, why) in [("{", "not JSON"), ("{}", "no list"), ("7", "no list")] {
        let found = Jobs::read(text);
        assert!(found.jobs.is_empty() && found.wrong[0].contains(why), "{text}");
    }
    let many: Vec<_> = (0..150).map(|number| job(&number.to_string())).collect();
    let found = Jobs::read(&json!(many).to_string());
    assert_eq!((found.jobs.len(), found.wrong.len()), (100, 1));
}

#[test]
fn a_job_is_added_replaced_and_removed_and_the_rest_stays() {
    let schedule = json!({ "kind": "every", "everyMs": 60_000 });
    let first = with(None, "price", &schedule, "one").unwrap();
    let second = with(Some(&first), "news", &schedule, "two").unwrap();
    let third = with(Some(&second), "price", &schedule, "three").unwrap();
    let names: Vec<_> = Jobs::read(&third)
        .jobs
        .into_iter()
        .map(|job| (job.name, job.message))
        .collect();
    let name = |name: &str, message: &str| (name.to_owned(), message.to_owned());
    assert_eq!(names, [name("news", "two"), name("price", "three")]);
    assert_eq!(lacking(Some(&third), "weather"), Ok(None));
    let fourth = lacking(Some(&third), "news").unwrap().unwrap();
    assert_eq!(Jobs::read(&fourth).jobs.len(), 1);
    assert!(with(Some("{"), "price", &schedule, "one").is_err());
    assert!(with(None, "price", &json!({ "kind": "every", "everyMs": 1 }), "one").is_err());
}
