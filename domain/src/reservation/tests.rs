//! Specs of the reservation.

use super::{ReservationCommand as Do, ReservationEvent as Did, ReservationRefusal as No, *};
use crate::spec::given;

fn claim(holder: &str, limit: u32) -> Do {
    Do::Claim {
        holder: holder.to_owned(),
        limit,
    }
}

fn claimed(holder: &str) -> Did {
    Did::Claimed {
        holder: holder.to_owned(),
    }
}

#[test]
fn places_are_taken_up_to_the_limit() {
    given::<Reservation>([])
        .when(claim("a", 2))
        .then([claimed("a")])
        .when(claim("b", 2))
        .then([claimed("b")])
        .when(claim("c", 2))
        .refused(No::AllTaken { limit: 2 });
    given::<Reservation>([])
        .when(claim("a", 0))
        .refused(No::AllTaken { limit: 0 });
}

#[test]
fn who_holds_a_place_keeps_it() {
    given::<Reservation>([claimed("a")]).when(claim("a", 1)).nothing();
    // Even when the limit was lowered meanwhile.
    given::<Reservation>([claimed("a"), claimed("b")])
        .when(claim("b", 1))
        .nothing();
}

#[test]
fn a_released_place_is_free_again() {
    let release = |holder: &str| Do::Release {
        holder: holder.to_owned(),
    };
    given::<Reservation>([claimed("a")])
        .when(release("b"))
        .nothing()
        .when(release("a"))
        .then([Did::Released {
            holder: "a".to_owned(),
        }])
        .when(release("a"))
        .nothing()
        .when(claim("b", 1))
        .then([claimed("b")]);
}
