//! What an image's layers weigh once they are pushed, where a source has them plain.
//!
//! Engines keep layers uncompressed and compress them when they push. How exactly that has to
//! be known depends on the bounds that the size is held to: often the plain sum is enough,
//! mostly samples are, and near a bound everything is compressed. What was found out is
//! remembered beside the store, by diff ID.
#![expect(clippy::disallowed_methods, reason = "remembers sizes in files")]

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::deflate::{HEAD_AND_TAIL, PIECE, deflate};
use super::{Local, SourceError, Step, Telling};
use crate::image::{Blobs, Compression, Image, Layer, Weight};
use crate::oci::{Digest, media_type};

/// What a size is compared with, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// Sizes at which advice changes: a size near one of them has to be known well.
    pub tiers: &'a [u64],
    /// What an image has to be below.
    pub limit: u64,
}

/// Pieces of a layer that are samples of it.
const SAMPLES: u64 = 96;
/// How near to a bound an estimate is not enough: a tenth of it.
const NEAR: u64 = 10;
/// Sizes that are remembered.
const MOST_REMEMBERED: usize = 4096;

/// What is known of a layer's size after a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Exactly(u64),
    About(u64),
}

/// Finds out what an image weighs after a push, as exactly as the bounds need it.
///
/// # Errors
///
/// Where a layer cannot be read, or nobody wants to know any more.
pub fn weigh(
    image: &Image,
    blobs: &dyn Blobs,
    local: &Local,
    bounds: Bounds<'_>,
    telling: Telling<'_>,
) -> Result<Weight, SourceError> {
    let least = bounds.tiers.iter().min().copied().unwrap_or(0).min(bounds.limit);
    let Weight::AtMost = image.weight else { return Ok(image.weight.clone()) };
    let most = image.stored_bytes();
    // Nothing depends on it, or the image is damaged and everything else matters more.
    if packed_at_most(most) < least || !image.is_whole() {
        return Ok(Weight::AtMost);
    }
    let mut scale =
        Scale { blobs, memory: Memory::new(&local.scratch), telling, done: 0, of: most };
    let known = scale.all(image, Scale::about)?;
    let sum = |known: &[Known]| known.iter().map(Known::bytes).sum::<u64>();
    let about = sum(&known);
    let near = |bound: u64| about.abs_diff(bound) <= bound / NEAR;
    let matters = packed_at_most(most) >= bounds.limit || bounds.tiers.iter().any(|at| near(*at));
    if !matters && known.iter().any(|known| matches!(known, Known::About(_))) {
        return Ok(Weight::About(about));
    }
    scale.done = 0;
    let known = scale.all(image, Scale::exactly)?;
    Ok(Weight::Compressed(known.iter().map(Known::bytes).collect()))
}

/// What bytes become at the worst: stored in blocks, each with its head.
fn packed_at_most(bytes: u64) -> u64 {
    bytes + bytes / 4096 + 64
}

impl Known {
    fn bytes(&self) -> u64 {
        match self {
            Known::Exactly(bytes) | Known::About(bytes) => *bytes,
        }
    }
}

/// Weighs layers one after the other.
struct Scale<'a> {
    blobs: &'a dyn Blobs,
    memory: Memory,
    telling: Telling<'a>,
    done: u64,
    of: u64,
}

impl Scale<'_> {
    fn all(
        &mut self,
        image: &Image,
        weigh: fn(&mut Self, &Layer, &Digest) -> io::Result<Known>,
    ) -> Result<Vec<Known>, SourceError> {
        let mut all = Vec::new();
        for layer in &image.layers {
            let known = match &layer.diff_id {
                Some(diff_id) if is_plain(layer) => weigh(self, layer, diff_id),
                _ => Ok(Known::Exactly(layer.size)),
            };
            all.push(known.map_err(|source| {
                if source.kind() == io::ErrorKind::Interrupted {
                    return SourceError::Stopped { reference: image.reference.to_string() };
                }
                let what = format!("layer {} of `{}` again", layer.digest.short(), image.reference);
                SourceError::Read { what, source }
            })?);
            self.done += layer.size;
        }
        Ok(all)
    }

    fn about(&mut self, layer: &Layer, diff_id: &Digest) -> io::Result<Known> {
        if let Some(known) = self.memory.recall(diff_id) {
            return Ok(known);
        }
        let pieces = layer.size.div_ceil(PIECE as u64).max(1);
        let every = pieces.div_ceil(SAMPLES);
        let weighed = self.compress(layer, every)?;
        let known = if every == 1 {
            Known::Exactly(weighed.packed)
        } else {
            let all = u128::from(weighed.packed) * u128::from(layer.size);
            let about = all / u128::from(weighed.plain.max(1));
            Known::About(u64::try_from(about).unwrap_or(layer.size))
        };
        self.memory.remember(diff_id, known);
        Ok(known)
    }

    fn exactly(&mut self, layer: &Layer, diff_id: &Digest) -> io::Result<Known> {
        if let Some(known @ Known::Exactly(_)) = self.memory.recall(diff_id) {
            return Ok(known);
        }
        let known = Known::Exactly(self.compress(layer, 1)?.packed);
        self.memory.remember(diff_id, known);
        Ok(known)
    }

    /// Compresses every so many pieces of a layer.
    fn compress(&mut self, layer: &Layer, every: u64) -> io::Result<Weighed> {
        let blob = self.blobs.blob(&layer.digest).map_err(io::Error::other)?;
        let mut packed = HEAD_AND_TAIL;
        let (done, of) = (self.done, self.of);
        let mut told = |read| (self.telling)(Step::Compressing { done: done + read, of });
        let plain = deflate(blob, every, &mut told, &mut |bytes| {
            packed += bytes.len() as u64;
            Ok(())
        })?;
        Ok(Weighed { plain, packed })
    }
}

/// Bytes that were looked at, before and after.
struct Weighed {
    plain: u64,
    packed: u64,
}

/// Whether a push would compress a layer.
pub(super) fn is_plain(layer: &Layer) -> bool {
    layer.media_type == media_type::DOCKER_LAYER && layer.compression == Compression::None
}

/// Sizes that were found out before, in one small file each. To forget one costs time only.
struct Memory {
    dir: PathBuf,
}

impl Memory {
    fn new(cache: &Path) -> Memory {
        Memory { dir: cache.join("sizes") }
    }

    fn recall(&self, diff_id: &Digest) -> Option<Known> {
        let text = fs::read_to_string(self.dir.join(diff_id.hex())).ok()?;
        let (word, bytes) = text.trim_end().split_once(' ')?;
        let bytes = bytes.parse().ok()?;
        match word {
            "exactly" => Some(Known::Exactly(bytes)),
            "about" => Some(Known::About(bytes)),
            _ => None,
        }
    }

    fn remember(&self, diff_id: &Digest, known: Known) {
        let text = match known {
            Known::Exactly(bytes) => format!("exactly {bytes}\n"),
            Known::About(bytes) => format!("about {bytes}\n"),
        };
        // What cannot be written is found out again.
        let _ = self.write(diff_id, &text);
    }

    fn write(&self, diff_id: &Digest, text: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        if fs::read_dir(&self.dir)?.count() >= MOST_REMEMBERED {
            fs::remove_dir_all(&self.dir)?;
            DirBuilder::new().mode(0o700).create(&self.dir)?;
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(text.as_bytes())?;
        file.persist(self.dir.join(diff_id.hex()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::ops::ControlFlow;

    use super::*;
    use crate::image::load;
    use crate::image::testing::Memory as InMemory;
    use crate::oci::Reference;
    use crate::source::deflate::LEVEL;

    /// Bytes that are neither all alike nor all different.
    fn content(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let next = |state: &mut u32| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*state >> 24) as u8
        };
        (0..length).map(|at| if at % 3 == 0 { next(&mut state) } else { b'a' }).collect()
    }

    fn gzipped(bytes: &[u8]) -> u64 {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(LEVEL));
        gzip.write_all(bytes).expect("written");
        gzip.finish().expect("written").len() as u64
    }

    /// An image of one file, as an engine has it.
    fn image(length: usize) -> (Image, InMemory, Vec<u8>) {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(length as u64);
        builder.append_data(&mut header, "file", &*content(length)).expect("a file");
        let tar = builder.into_inner().expect("a tar");
        let mut blobs = InMemory::of_tars(std::slice::from_ref(&tar));
        let text = String::from_utf8(blobs.root).expect("text");
        blobs.root = text.replace(media_type::OCI_LAYER, media_type::DOCKER_LAYER).into_bytes();
        let reference = Reference::parse("fixture:memory", |_| false).expect("a reference");
        let mut image =
            load(&reference, &blobs, "linux/amd64", crate::image::Depth::Layers, &mut |_, _| {})
                .expect("loads");
        image.weight = Weight::AtMost;
        (image, blobs, tar)
    }

    fn weighed(length: usize, tiers: &[u64], limit: u64) -> (Weight, u64) {
        let dir = tempfile::tempdir().expect("a directory");
        let local = Local {
            scratch: dir.path().to_owned(),
            surroundings: crate::endpoint::Surroundings::default(),
            registry: crate::registry::Access::default(),
        };
        let (image, blobs, tar) = image(length);
        let bounds = Bounds { tiers, limit };
        let mut go_on = |_| ControlFlow::Continue(());
        let first = weigh(&image, &blobs, &local, bounds, &mut go_on).expect("weighed");
        let mut never = |_| panic!("it is remembered");
        let again = weigh(&image, &blobs, &local, bounds, &mut never).expect("weighed");
        assert_eq!(first, again);
        (first, gzipped(&tar))
    }

    #[test]
    fn a_size_that_nothing_depends_on_is_not_found_out() {
        assert_eq!(weighed(1 << 20, &[2 << 20], 4 << 20).0, Weight::AtMost);
    }

    #[test]
    fn near_a_bound_it_is_that_of_a_push() {
        let length = 24 << 20;
        let (weight, real) = weighed(length, &[10 << 20], 8 << 20);
        let Weight::Compressed(sizes) = weight else { panic!("{weight:?}") };
        assert!(sizes[0].abs_diff(real) * 200 < real, "{sizes:?}, and gzip makes {real}");
    }

    #[test]
    fn elsewhere_it_is_judged_by_samples() {
        let length = 40 << 20;
        let (weight, real) = weighed(length, &[1 << 20], 1 << 30);
        let Weight::About(bytes) = weight else { panic!("{weight:?}") };
        assert!(bytes.abs_diff(real) * 20 < real, "{bytes}, and gzip makes {real}");
    }

    #[test]
    fn whoever_wants_no_more_is_heeded() {
        let dir = tempfile::tempdir().expect("a directory");
        let local = Local {
            scratch: dir.path().to_owned(),
            surroundings: crate::endpoint::Surroundings::default(),
            registry: crate::registry::Access::default(),
        };
        let (image, blobs, _) = image(4 << 20);
        let bounds = Bounds { tiers: &[], limit: 1 };
        let stopped = weigh(&image, &blobs, &local, bounds, &mut |_| ControlFlow::Break(()));
        assert!(matches!(stopped, Err(SourceError::Stopped { .. })), "{stopped:?}");
    }
}
