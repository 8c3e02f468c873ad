//! Forms, and answers as EC2 writes them.

use super::*;

#[test]
fn a_form_is_encoded_as_rfc_3986_has_it() {
    let form = Form::default()
        .with("UserData", "a+b/c=")
        .maybe("SubnetId", None)
        .filter(1, "tag:reef:runtime", &["rt_1", "é"]);
    assert_eq!(
        form.encoded("DescribeInstances"),
        "Action=DescribeInstances&Version=2016-11-15&UserData=a%2Bb%2Fc%3D\
         &Filter.1.Name=tag%3Areef%3Aruntime&Filter.1.Value.1=rt_1&Filter.1.Value.2=%C3%A9"
    );
}

#[test]
fn tags_are_numbered() {
    let form = Form::default().tags(2, "volume", &[("Name", "reef".to_owned())]);
    let encoded = form.encoded("RunInstances");
    assert!(encoded.ends_with(
        "TagSpecification.2.ResourceType=volume&TagSpecification.2.Tag.1.Key=Name\
         &TagSpecification.2.Tag.1.Value=reef"
    ));
}

#[test]
fn lists_may_be_empty_but_not_absent() {
    #[derive(Deserialize, Debug)]
    struct Answer {
        set: Items<String>,
    }
    let items = |text: &str| quick_xml::de::from_str::<Answer>(text).map(|answer| answer.set.items);
    assert_eq!(items("<A><set/></A>").unwrap(), [""; 0]);
    assert_eq!(
        items("<A><set><item>a</item><item>b &amp; c</item></set></A>").unwrap(),
        ["a", "b & c"]
    );
    assert!(items("<A></A>").is_err());
    assert!(items("<html>gateway time-out").is_err());
}

#[test]
fn a_refusal_says_what_ec2_said() {
    let said = "<?xml version=\"1.0\"?><Response><Errors><Error><Code>InsufficientInstanceCapacity</Code>\
                <Message>no t3.medium\n left</Message></Error></Errors><RequestID>1</RequestID></Response>";
    let error = refusal(500, said);
    assert!(error.is(&["InsufficientInstanceCapacity"]) && error.is_transient());
    assert_eq!(
        error.to_string(),
        "ec2 refused (HTTP 500, InsufficientInstanceCapacity): no t3.medium left"
    );
}

#[test]
fn what_will_never_be_granted_is_not_asked_again() {
    for (status, code, transient) in [
        (400, "RequestLimitExceeded", true),
        (400, "InsufficientInstanceCapacity", true),
        (503, "Unavailable", true),
        (400, "VcpuLimitExceeded", false),
        (403, "UnauthorizedOperation", false),
        (400, "InvalidAMIID.NotFound", false),
        (400, "IdempotentParameterMismatch", false),
    ] {
        let xml = format!("<Response><Errors><Error><Code>{code}</Code></Error></Errors></Response>");
        assert_eq!(refusal(status, &xml).is_transient(), transient, "{code}");
    }
}

#[test]
fn a_proxy_s_page_is_cut_short() {
    let error = refusal(502, &"é ".repeat(10_000));
    assert!(error.is_transient());
    assert!(error.to_string().len() < 700, "{error}");
}
