//! glibc's `/etc/ld.so.cache`: which file a library's name leads to.

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// The cache of glibc before 2.2, which newer ones may keep in front of their own.
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0\0";
/// Magic, two counts, flags and padding, extension offset, three unused words.
const HEADER: usize = 48;
/// Flags, key, value, OS version, hardware capabilities.
const ENTRY: usize = 24;

/// The paths that the cache has for a name, in the order of the cache. A cache that is not
/// glibc's, or is damaged, has none.
pub(super) fn paths<'a>(cache: &'a [u8], name: &'a str) -> impl Iterator<Item = String> + 'a {
    let cache = newer(cache).unwrap_or_default();
    let count = word(cache, MAGIC.len()).unwrap_or(0) as usize;
    let count = count.min(cache.len().saturating_sub(HEADER) / ENTRY);
    (0..count).filter_map(move |index| {
        let entry = HEADER + index * ENTRY;
        // Offsets are from the beginning of the newer cache.
        let key = text(cache, word(cache, entry + 4)?)?;
        if key != name.as_bytes() {
            return None;
        }
        let path = text(cache, word(cache, entry + 8)?)?;
        Some(String::from_utf8_lossy(path).into_owned())
    })
}

/// The newer cache, which may stand behind one of the old format.
fn newer(cache: &[u8]) -> Option<&[u8]> {
    if cache.starts_with(MAGIC) {
        return Some(cache);
    }
    if !cache.starts_with(OLD_MAGIC) {
        return None;
    }
    let count = word(cache, 12)? as usize;
    let end = 16usize.checked_add(count.checked_mul(12)?)?;
    let rest = cache.get(end.next_multiple_of(8)..)?;
    rest.starts_with(MAGIC).then_some(rest)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn text(bytes: &[u8], at: u32) -> Option<&[u8]> {
    bytes.get(at as usize..)?.split(|byte| *byte == 0).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut strings = Vec::new();
        let base = HEADER + entries.len() * ENTRY;
        let mut table = Vec::new();
        for (name, path) in entries {
            let mut offset = |text: &str| {
                let at = base + strings.len();
                strings.extend_from_slice(text.as_bytes());
                strings.push(0);
                u32::try_from(at).expect("small").to_le_bytes()
            };
            table.extend_from_slice(&3u32.to_le_bytes());
            table.extend_from_slice(&offset(name));
            table.extend_from_slice(&offset(path));
            table.extend_from_slice(&[0; 12]);
        }
        let mut cache = MAGIC.to_vec();
        cache.extend_from_slice(&u32::try_from(entries.len()).expect("few").to_le_bytes());
        cache.resize(HEADER, 0);
        cache.extend(table);
        cache.extend(strings);
        cache
    }

    #[test]
    fn names_lead_to_paths() {
        let cache = cache(&[("liba.so.1", "/opt/liba.so.1"), ("libb.so", "/usr/lib/libb.so")]);
        assert_eq!(paths(&cache, "libb.so").collect::<Vec<_>>(), ["/usr/lib/libb.so"]);
        assert_eq!(paths(&cache, "libc.so").count(), 0);
    }

    #[test]
    fn damage_is_no_panic() {
        let whole = cache(&[("liba.so.1", "/opt/liba.so.1")]);
        for end in 0..whole.len() {
            let _ = paths(&whole[..end], "liba.so.1").count();
        }
        let mut wild = whole.clone();
        wild[MAGIC.len()..MAGIC.len() + 4].fill(0xff);
        wild[HEADER + 4..HEADER + 12].fill(0xff);
        assert_eq!(paths(&wild, "liba.so.1").count(), 0);
    }
}
