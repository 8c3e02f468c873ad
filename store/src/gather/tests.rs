use super::*;

#[test]
fn a_batch_is_topped_up_and_no_more() {
    let (sender, mut queue) = mpsc::channel(8);
    for number in 1..6 {
        sender.try_send(number).unwrap();
    }
    let mut batch = vec![0];
    top_up(&mut batch, &mut queue, 4);
    assert_eq!(batch, [0, 1, 2, 3]);
    top_up(&mut batch, &mut queue, 100);
    assert_eq!(batch, [0, 1, 2, 3, 4, 5]);
}

fn learned(size: usize, came: usize, took: Duration) -> Gather {
    let mut gather = Gather::default();
    for _ in 0..50 {
        gather.learn(size, came, took);
    }
    gather
}

#[test]
fn who_comes_alone_does_not_wait() {
    let now = Instant::now();
    assert!(learned(1, 0, MOST).patience(now, false).is_over(1, now));
    assert!(learned(1, 1, MOST).patience(now, false).is_over(1, now));
    assert!(Gather::default().patience(now, false).is_over(1, now));
}

#[test]
fn waits_for_half_of_the_crowd_and_no_longer() {
    let now = Instant::now();
    for (size, came) in [(64, 0), (32, 32), (1, 63)] {
        let patience = learned(size, came, Duration::from_micros(400)).patience(now, false);
        assert!(!patience.is_over(31, now));
        assert!(patience.is_over(32, now));
        assert!(!patience.is_over(5, now + Duration::from_micros(50)));
        assert!(patience.is_over(5, now + Duration::from_micros(100)));
    }
}

#[test]
fn a_slow_commit_does_not_make_it_wait_for_long() {
    let now = Instant::now();
    let patience = learned(32, 0, Duration::from_secs(10)).patience(now, false);
    assert!(patience.is_over(1, now + MOST));
}

#[test]
fn a_crowd_that_has_gone_is_forgotten() {
    let mut gather = learned(32, 32, MOST);
    gather.learn(2, 0, MOST);
    let now = Instant::now();
    assert!(gather.patience(now, false).is_over(1, now));
}

#[test]
fn where_others_write_too_it_waits_for_everybody() {
    let now = Instant::now();
    let patience = learned(32, 32, MOST).patience(now, true);
    assert!(!patience.is_over(63, now));
    assert!(patience.is_over(64, now));
}
