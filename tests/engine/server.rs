//! The function that the engine's tests boot: does one thing after the other, as its
//! arguments say, and at the end serves what listens. Built by `world`.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

fn main() {
    let mut listener = None;
    let mut kept = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(step) = arguments.next() {
        let mut next = || arguments.next().expect("an argument");
        match step.as_str() {
            "print" => println!("{}", next()),
            "error" => eprintln!("{}", next()),
            "flood" => {
                let line = [b"0123456789".repeat(8), b"\n".to_vec()].concat();
                let mut out = std::io::stdout().lock();
                for _ in 0..next().parse::<u64>().unwrap() * 1_000_000 / 81 {
                    out.write_all(&line).unwrap();
                }
            }
            "env" => println!("{}", std::env::var(next()).unwrap_or_default()),
            "environment" => std::env::vars().for_each(|(name, value)| println!("{name}={value}")),
            "here" => println!("{}", std::env::current_dir().unwrap().display()),
            "read" => {
                let path = next();
                match fs::read_to_string(&path) {
                    Ok(text) => print!("{text}"),
                    Err(error) => println!("{path}: {error}"),
                }
            }
            "uid" => println!("{}", uid()),
            "become" => {
                let id = next().parse().unwrap();
                let child = Command::new("/proc/self/exe")
                    .args(["print", "as another"])
                    .uid(id)
                    .gid(id)
                    .status();
                println!("become {:?}", child.is_ok_and(|status| status.success()));
            }
            "own" => {
                let path = next();
                println!("own {:?}", std::os::unix::fs::chown(&path, Some(33), Some(33)).is_ok());
            }
            "make" => File::create(next()).map(drop).unwrap_or_else(|error| println!("{error}")),
            "text" => {
                let (path, text) = (next(), next());
                fs::write(&path, text).unwrap_or_else(|error| println!("{path}: {error}"));
            }
            "directory" => fs::create_dir_all(next()).unwrap(),
            "remove" => fs::remove_file(next()).unwrap(),
            "fill" => {
                let (path, bytes) = (next(), next().parse::<u64>().unwrap());
                println!("filled {}", fill(&path, bytes));
            }
            "allocate" => {
                let megabytes: usize = next().parse().unwrap();
                for _ in 0..megabytes {
                    let mut block = vec![1u8; 1 << 20];
                    block.iter_mut().step_by(4096).for_each(|byte| *byte = 2);
                    kept.push(std::hint::black_box(block));
                }
                println!("allocated {megabytes}");
            }
            "spin" => {
                let end = std::time::Instant::now()
                    + std::time::Duration::from_millis(next().parse().unwrap());
                while std::time::Instant::now() < end {}
            }
            "threads" => {
                let mut made = 0;
                while made < 5000 {
                    let park = || loop {
                        std::thread::park()
                    };
                    if std::thread::Builder::new().stack_size(16 << 10).spawn(park).is_err() {
                        break;
                    }
                    made += 1;
                }
                println!("threads {made}");
            }
            "exit" => std::process::exit(next().parse().unwrap()),
            "abort" => std::process::abort(),
            "listen" => {
                listener = Some(TcpListener::bind(next()).unwrap());
            }
            other => panic!("unknown step {other}"),
        }
        std::io::stdout().flush().unwrap();
    }
    let Some(listener) = listener else { return };
    for connection in listener.incoming() {
        let Ok(mut connection) = connection else { continue };
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

fn uid() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
    format!("uid {}", line.split_whitespace().nth(1).unwrap())
}

fn fill(path: &str, bytes: u64) -> u64 {
    let Ok(mut file) = File::create(path) else { return 0 };
    let (block, mut done) = (vec![7u8; 64 << 10], 0);
    while done < bytes {
        let length = block.len().min((bytes - done) as usize);
        match file.write(&block[..length]) {
            Ok(0) | Err(_) => break,
            Ok(length) => done += length as u64,
        }
    }
    done
}
