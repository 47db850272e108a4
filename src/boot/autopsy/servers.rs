//! How well-known servers are told where to listen.

use super::Signs;

/// A server by a word of its command line, and the line that has it listen on all addresses and
/// the port `{}`. The first that fits counts.
const SERVERS: &[(&str, &str)] = &[
    (
        "gunicorn",
        "gunicorn --bind 0.0.0.0:{} …    # or: ENV GUNICORN_CMD_ARGS=\"--bind 0.0.0.0:{}\"",
    ),
    ("uvicorn", "uvicorn --host 0.0.0.0 --port {} …"),
    ("hypercorn", "hypercorn --bind 0.0.0.0:{} …"),
    ("waitress-serve", "waitress-serve --listen=0.0.0.0:{} …"),
    ("uwsgi", "uwsgi --http-socket 0.0.0.0:{} …"),
    ("daphne", "daphne -b 0.0.0.0 -p {} …"),
    ("flask run", "flask run --host=0.0.0.0 --port={}"),
    ("streamlit", "streamlit run --server.address 0.0.0.0 --server.port {} …"),
    ("http.server", "python3 -m http.server {} --bind 0.0.0.0"),
    ("manage.py runserver", "python3 manage.py runserver 0.0.0.0:{}"),
    ("rails", "rails server -b 0.0.0.0 -p {}"),
    ("puma", "puma -b tcp://0.0.0.0:{}"),
    ("rackup", "rackup -o 0.0.0.0 -p {}"),
    ("nginx", "listen 0.0.0.0:{};    # in the server block of nginx.conf"),
    ("httpd", "Listen 0.0.0.0:{}    # in httpd.conf"),
    ("apache2", "Listen 0.0.0.0:{}    # in ports.conf"),
    ("caddy", ":{} {    # the site's address in the Caddyfile"),
    ("php -S", "php -S 0.0.0.0:{} …"),
    ("next", "next start -H 0.0.0.0 -p {}"),
    ("vite", "vite --host 0.0.0.0 --port {}"),
    ("dotnet", "ENV ASPNETCORE_URLS=http://0.0.0.0:{}"),
    (
        "java",
        "ENV SERVER_ADDRESS=0.0.0.0 SERVER_PORT={}    # Spring; others have a setting of their own",
    ),
    ("node", "server.listen({}, \"0.0.0.0\")"),
    ("python", "app.run(host=\"0.0.0.0\", port={})    # Flask; others: host 0.0.0.0 and port {}"),
];

/// What to change so that it listens where it shall.
pub(super) fn fix(signs: &Signs<'_>) -> String {
    let port = signs.scene.function.contract.port;
    known(signs).unwrap_or_else(|| format!("listen on 0.0.0.0:{port}"))
}

/// The same of a server that is known.
pub(super) fn known(signs: &Signs<'_>) -> Option<String> {
    let port = signs.scene.function.contract.port.to_string();
    let own = signs.scene.plan.argv.join(" ");
    let running = signs.snapshot.processes.iter().map(|process| process.command_line.as_str());
    let lines: Vec<&str> = running.chain([own.as_str()]).collect();
    let known = SERVERS.iter().find(|(word, _)| lines.iter().any(|line| names(line, word)));
    known.map(|(_, line)| line.replace("{}", &port))
}

/// Whether a command line has a word, or the last part of a path that begins so.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        before.is_none_or(|letter| matches!(letter, ' ' | '/' | '"' | '\''))
            && after.is_none_or(|letter| !letter.is_alphabetic())
    })
}
