//! Instances that are frozen, go on, and are asked to end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use scf_conform::engine::Instance;
use scf_conform::evidence::Delivery;

use crate::world::{World, listens, plan, until};

/// Sends a request; what comes back within a moment.
fn answer(connection: &mut TcpStream) -> Option<String> {
    connection.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok().map(|_| answer)
}

fn request(instance: &dyn Instance) -> TcpStream {
    let mut connection = instance.connect(9000, Duration::from_secs(5)).expect("a connection");
    connection.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("a request");
    connection
}

#[test]
fn what_is_frozen_does_nothing_until_it_is_thawed() {
    let world = World::new();
    let instance = world.boot(&plan(&["listen", "0.0.0.0:9000"]));
    until("LISTEN", || listens(&*instance, 9000).then_some(()));
    for _ in 0..2 {
        instance.freeze().expect("it is frozen");
        let mut connection = request(&*instance);
        assert_eq!(answer(&mut connection), None);
        instance.thaw().expect("it goes on");
        until("the answer", || answer(&mut connection).filter(|text| text.ends_with("ok")));
        assert_eq!(instance.ended(), None);
    }
    // What runs may be thawed, and what is frozen ended.
    instance.thaw().expect("it goes on");
    instance.freeze().expect("it is frozen");
    assert_eq!(instance.stop().expect("it stops"), None);
}

#[test]
fn what_has_ended_can_be_frozen() {
    let world = World::new();
    let instance = world.boot(&plan(&["exit", "0"]));
    until("the end", || instance.ended());
    instance.freeze().expect("nothing is to be frozen");
    instance.thaw().expect("nothing is to be thawed");
    assert_eq!(instance.terminate().expect("nobody is asked"), Delivery::Delivered);
}

#[test]
fn a_first_process_without_a_handler_is_not_ended() {
    let world = World::new();
    let instance = world.boot(&plan(&["listen", "0.0.0.0:9000"]));
    until("LISTEN", || listens(&*instance, 9000).then_some(()));
    assert_eq!(instance.terminate().expect("it is sent"), Delivery::Dropped);
    until("an answer", || answer(&mut request(&*instance)).filter(|text| text.ends_with("ok")));
}
