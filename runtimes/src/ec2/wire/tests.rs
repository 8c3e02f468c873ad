//! Signatures, against the vectors that AWS published with its test suite for version 4.

use super::*;

fn call(content_type: &'static str, target: Option<&str>, body: &str) -> Call {
    Call {
        service: "service",
        content_type,
        target: target.map(str::to_owned),
        body: body.to_owned(),
    }
}

fn sign_as_the_suite_does(call: &Call, token: Option<&str>) -> Vec<(String, String)> {
    let url = Url::parse("https://example.amazonaws.com/").unwrap();
    let credentials = Credentials::new(
        "AKIDEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        token.map(str::to_owned),
        None,
        "suite",
    );
    let at = "2015-08-30T12:36:00Z".parse().unwrap();
    signed_headers(&url, "us-east-1", call, &credentials, at).unwrap()
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    &headers.iter().find(|(header, _)| header == name).unwrap().1
}

#[test]
fn a_form_is_signed_as_the_published_vector() {
    let form = call("application/x-www-form-urlencoded", None, "Param1=value1");
    let headers = sign_as_the_suite_does(&form, None);
    assert_eq!(value(&headers, "x-amz-date"), "20150830T123600Z");
    assert_eq!(
        value(&headers, "authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    );
}

#[test]
fn target_and_session_token_are_signed_too() {
    let json = call("application/x-amz-json-1.1", Some("AmazonSSM.SendCommand"), "{}");
    let headers = sign_as_the_suite_does(&json, Some("session"));
    assert_eq!(value(&headers, "x-amz-security-token"), "session");
    let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    assert!(value(&headers, "authorization").contains(signed), "{headers:?}");
}

#[test]
fn another_body_has_another_signature() {
    let [one, other] = ["Action=StopInstances", "Action=TerminateInstances"].map(|body| {
        let headers = sign_as_the_suite_does(&call("text/plain", None, body), None);
        value(&headers, "authorization").to_owned()
    });
    assert_ne!(one, other);
}
