//! Registering with an invite code, signing in with a code that comes by mail, and who one is.

use std::{sync::Arc, time::Duration, time::Instant};

use reef_commands::{
    digest_key,
    invite_code::{Registration, register as open_account},
    login::Logins,
    ports::{AccountTokens, TokenHolder},
};
use reef_domain::{AccountId, Dialect, UserId, account::is_email};
use reef_projections::views::{account::Accounts, ledger::Ledgers};

use super::{to_wire, wire};
use crate::{
    App, Problem,
    dialect::{Answer, Api, Body, Call, Visitor},
    openapi::Who,
    problem::malformed,
};

const JSON: &str = "application/json";

/// An answer to somebody who signs in takes no less: how long it takes says nothing about whether the e-mail is known.
const EVEN: Duration = Duration::from_millis(250);

pub(super) fn routes(api: &mut Api) {
    let registration = api.schema::<wire::Register>();
    let registered = api.schema::<wire::Registered>();
    let address = api.schema::<wire::Login>();
    let message = api.schema::<wire::Message>();
    let code = api.schema::<wire::Verify>();
    let signed_in = api.schema::<wire::SignedIn>();
    let me = api.schema::<wire::Me>();
    let register = api
        .route(
            "post",
            "/auth/register",
            "register",
            "Register with an invite code",
        )
        .only_for(Who::Anybody)
        .takes(registration)
        .with_status(201)
        .answers(JSON, registered)
        .fails(&[409]);
    api.add(register, self::register);
    let login = api
        .route(
            "post",
            "/auth/login",
            "login",
            "Have a one-time code sent by mail",
        )
        .says("The answer is the same whether or not an account has the e-mail. Five times an hour at most.")
        .only_for(Who::Anybody)
        .takes(address)
        .answers(JSON, message);
    api.add(login, self::login);
    let verify = api
        .route("post", "/auth/verify", "verify-otp", "Sign in with the code")
        .says("A code works once and for ten minutes; five wrong ones void it.")
        .only_for(Who::Anybody)
        .takes(code)
        .answers(JSON, signed_in)
        .fails(&[401]);
    api.add(verify, self::verify);
    let get_me = api.route("get", "/auth/me", "get-me", "The caller's account");
    api.add(get_me.answers(JSON, me), self::get_me);
}

async fn register(
    visitor: Visitor,
    Body(body): Body<wire::Register>,
) -> Result<Answer<wire::Registered>, Problem> {
    let tokens = tokens(visitor.state())?;
    let email = address(&body.email)?;
    let registration = Registration {
        dialect: Dialect::Thermidora,
        name: body.name.trim().to_owned(),
        email: email.clone(),
        invite_code: body.invite_code,
        balance_micro: visitor.state().config().thermidora_balance_micro,
    };
    let opened = open_account(visitor.bus(), &registration, visitor.request_id()).await?;
    let token = token(&tokens, &opened.account_id, &opened.user_id)?;
    Ok(Answer::created(wire::Registered {
        account_id: opened.account_id.to_string(),
        email,
        name: registration.name,
        token,
    }))
}

async fn login(visitor: Visitor, Body(body): Body<wire::Login>) -> Result<Answer<wire::Message>, Problem> {
    let tokens = tokens(visitor.state())?;
    if visitor.state().services().gateways.mail.is_none() {
        return Err(Problem::of(
            "unavailable",
            "This server is not set up to send mail, so nobody can sign in with a code. Use an API key.",
        ));
    }
    let email = address(&body.email)?;
    let wait_s = visitor
        .state()
        .logins
        .count(&digest_key(&email.to_lowercase()), Instant::now());
    if wait_s > 0 {
        let detail = "No more than five codes are sent within an hour.";
        return Err(Problem::of("rate_limited", detail).retry_after(wait_s));
    }
    let requested = evenly(logins(&visitor, &tokens).request(&email)).await;
    match requested {
        Ok(()) => {}
        // Counted by another node, or before a restart: to be told so would tell that the e-mail is known.
        Err(error) if error.code() == "too_many_login_codes" => {
            tracing::info!("a login code was not sent, since five were sent within an hour");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Answer::ok(wire::Message {
        message: "OTP sent to email",
    }))
}

async fn verify(visitor: Visitor, Body(body): Body<wire::Verify>) -> Result<Answer<wire::SignedIn>, Problem> {
    let tokens = tokens(visitor.state())?;
    let email = address(&body.email)?;
    if body.code.len() != 6 || !body.code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed("code", "is not six digits"));
    }
    let verified = evenly(logins(&visitor, &tokens).verify(&email, &body.code)).await?;
    let somebody = verified.ok_or_else(|| Problem::of("unauthorized", "The code is not valid."))?;
    let token = token(&tokens, &somebody.account_id, &somebody.user_id)?;
    Ok(Answer::ok(wire::SignedIn {
        account_id: somebody.account_id.to_string(),
        token,
    }))
}

async fn get_me(call: Call) -> Result<Answer<wire::Me>, Problem> {
    let id = call.account().as_str();
    let account = call.own::<Accounts>("account", id).await?;
    let ledger = call.find::<Ledgers>("ledger", id).await?;
    Ok(Answer::ok(to_wire::me(account, ledger)))
}

fn logins<'a>(visitor: &'a Visitor, tokens: &'a Arc<dyn AccountTokens>) -> Logins<'a> {
    Logins {
        bus: visitor.bus(),
        tokens,
        dialect: Dialect::Thermidora,
        correlation_id: visitor.request_id(),
    }
}

/// The work's result, no sooner than [`EVEN`].
async fn evenly<T>(work: impl Future<Output = T>) -> T {
    tokio::join!(work, tokio::time::sleep(EVEN)).0
}

/// The trimmed e-mail, if it is one.
fn address(text: &str) -> Result<String, Problem> {
    let email = text.trim();
    is_email(email)
        .then(|| email.to_owned())
        .ok_or_else(|| malformed("email", "is not an e-mail address"))
}

fn tokens(state: &App) -> Result<Arc<dyn AccountTokens>, Problem> {
    let tokens = state.services().gateways.own_tokens.clone();
    tokens.ok_or_else(|| Problem::of("unavailable", "This server issues no tokens."))
}

fn token(
    tokens: &Arc<dyn AccountTokens>,
    account_id: &AccountId,
    user_id: &UserId,
) -> Result<String, Problem> {
    let holder = TokenHolder {
        account_id: account_id.clone(),
        user_id: user_id.clone(),
        dialect: Dialect::Thermidora,
    };
    tokens.issue(&holder).map_err(|error| Problem::internal(&error))
}
