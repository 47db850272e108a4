//! The examples of RFC 9535, with the results that it gives for them.

use serde_json::{Value, json};

use super::read;

fn check(document: &Value, path: &str, expected: &Value) {
    let wrong = |message: String, _| panic!("{message}");
    let path = read(path, wrong).expect("it is told otherwise");
    let found: Vec<&Value> = path.query(document).all();
    assert_eq!(json!(found), *expected, "{path}");
}

/// Section 1.5: the bookstore.
#[test]
fn the_bookstore() {
    let store = json!({"store": {
        "book": [
            {"category": "reference", "author": "Nigel Rees", "title": "Sayings of the Century", "price": 8.95},
            {"category": "fiction", "author": "Evelyn Waugh", "title": "Sword of Honour", "price": 12.99},
            {"category": "fiction", "author": "Herman Melville", "title": "Moby Dick", "isbn": "0-553-21311-3", "price": 8.99},
            {"category": "fiction", "author": "J. R. R. Tolkien", "title": "The Lord of the Rings", "isbn": "0-395-19395-8", "price": 22.99}
        ],
        "bicycle": {"color": "red", "price": 399}
    }});
    let books = store["store"]["book"].as_array().expect("a list");
    let authors = json!(["Nigel Rees", "Evelyn Waugh", "Herman Melville", "J. R. R. Tolkien"]);
    for (path, expected) in [
        ("$.store.book[*].author", authors.clone()),
        ("$..author", authors),
        ("$.store.*", json!([store["store"]["book"], store["store"]["bicycle"]])),
        ("$.store..price", json!([8.95, 12.99, 8.99, 22.99, 399])),
        ("$..book[2]", json!([books[2]])),
        ("$..book[2].author", json!(["Herman Melville"])),
        ("$..book[2].publisher", json!([])),
        ("$..book[-1]", json!([books[3]])),
        ("$..book[0,1]", json!([books[0], books[1]])),
        ("$..book[:2]", json!([books[0], books[1]])),
        ("$..book[?@.isbn]", json!([books[2], books[3]])),
        ("$..book[?@.price<10]", json!([books[0], books[2]])),
    ] {
        check(&store, path, &expected);
    }
}

/// Sections 2.3.1 to 2.3.4: names, wildcards, indices, slices.
#[test]
fn selectors() {
    let names = json!({"o": {"j j": {"k.k": 3}}, "'": {"@": 2}});
    check(&names, "$.o['j j']", &json!([{"k.k": 3}]));
    check(&names, "$.o['j j']['k.k']", &json!([3]));
    check(&names, "$.o[\"j j\"][\"k.k\"]", &json!([3]));
    check(&names, "$[\"'\"][\"@\"]", &json!([2]));
    let wild = json!({"o": {"j": 1, "k": 2}, "a": [5, 3]});
    check(&wild, "$[*]", &json!([{"j": 1, "k": 2}, [5, 3]]));
    check(&wild, "$.o[*, *]", &json!([1, 2, 1, 2]));
    check(&wild, "$.a[*]", &json!([5, 3]));
    let list = json!(["a", "b", "c", "d", "e", "f", "g"]);
    for (path, expected) in [
        ("$[1]", json!(["b"])),
        ("$[-2]", json!(["f"])),
        ("$[1:3]", json!(["b", "c"])),
        ("$[5:]", json!(["f", "g"])),
        ("$[1:5:2]", json!(["b", "d"])),
        ("$[5:1:-2]", json!(["f", "d"])),
        ("$[::-1]", json!(["g", "f", "e", "d", "c", "b", "a"])),
        ("$[0, 3]", json!(["a", "d"])),
        ("$[0:2, 5]", json!(["a", "b", "f"])),
        ("$[0, 0]", json!(["a", "a"])),
        ("$[9]", json!([])),
    ] {
        check(&list, path, &expected);
    }
}

/// Sections 2.3.5 and 2.4: filters, comparisons and functions.
#[test]
fn filters() {
    let document = json!({
        "a": [3, 5, 1, 2, 4, 6, {"b": "j"}, {"b": "k"}, {"b": {}}, {"b": "kilo"}],
        "o": {"p": 1, "q": 2, "r": 3, "s": 5, "t": {"u": 6}},
        "e": "f",
    });
    for (path, expected) in [
        ("$.a[?@.b == 'kilo']", json!([{"b": "kilo"}])),
        ("$.a[?(@.b == 'kilo')]", json!([{"b": "kilo"}])),
        ("$.a[?@>3.5]", json!([5, 4, 6])),
        ("$.a[?@.b]", json!([{"b": "j"}, {"b": "k"}, {"b": {}}, {"b": "kilo"}])),
        ("$[?@.*]", json!([document["a"], document["o"]])),
        ("$[?@[?@.b]]", json!([document["a"]])),
        ("$.o[?@<3, ?@<3]", json!([1, 2, 1, 2])),
        ("$.a[?@<2 || @.b == \"k\"]", json!([1, {"b": "k"}])),
        ("$.a[?match(@.b, \"[jk]\")]", json!([{"b": "j"}, {"b": "k"}])),
        ("$.a[?search(@.b, \"[jk]\")]", json!([{"b": "j"}, {"b": "k"}, {"b": "kilo"}])),
        ("$.o[?@>1 && @<4]", json!([2, 3])),
        ("$.o[?@.u || @.x]", json!([{"u": 6}])),
        ("$.a[?@.b == $.x]", json!([3, 5, 1, 2, 4, 6])),
        ("$.a[?@ == @]", document["a"].clone()),
        ("$[?length(@) < 3]", json!(["f"])),
        ("$[?count(@.*) == 5]", json!([document["o"]])),
        ("$.a[?value(@..b) == 'j']", json!([{"b": "j"}])),
        ("$.a[?!@.b]", json!([3, 5, 1, 2, 4, 6])),
    ] {
        check(&document, path, &expected);
    }
    let nulls = json!({"a": null, "b": [null], "c": [{}], "null": 1});
    for (path, expected) in [
        ("$.a", json!([null])),
        ("$.a[0]", json!([])),
        ("$.b[?@]", json!([null])),
        ("$.b[?@==null]", json!([null])),
        ("$.c[?@.d==null]", json!([])),
        ("$.null", json!([1])),
    ] {
        check(&nulls, path, &expected);
    }
}

/// What RFC 9535 says is no query, section by section.
#[test]
fn what_is_no_path_is_refused() {
    for path in [
        "",
        "a",
        ".a",
        "$.",
        "$..",
        "$a",
        " $",
        "$ ",
        "$[",
        "$[]",
        "$['a",
        "$[01]",
        "$[-0]",
        "$[1:2:3:4]",
        "$[?]",
        "$[?@.a=1]",
        "$[?@.a==]",
        "$[?1]",
        "$[?@.*==1]",
        "$[?length(@.*)>1]",
        "$[?count(1)>1]",
        "$[?match(@.a)]",
        "$[?unknown(@)]",
        "$[?'a']",
        "$[?@.a==[1]]",
        "$['\\x']",
        "$[9007199254740992]",
    ] {
        let mut told = Vec::new();
        let found = read(path, |message, hint| told.extend([Some(message), hint]));
        assert!(found.is_none() && told.len() == 2, "{path} is taken");
    }
}
