//! The observer's image: one program that the build script compiled, and two empty directories.

use std::collections::BTreeMap;

use crate::contract::Contract;
use crate::engine::EngineError;
use crate::image::recipe::{Bare, Built, ConfigRecipe, FileRecipe, LayerRecipe, Recipe};
use crate::image::{Depth, Image, load};
use crate::oci::Reference;

/// A static program, or a dynamic one where the building machine could not link statically.
static OBSERVER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/observer"));
/// What a dynamic one needs beside it, by absolute path.
static LIBRARIES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/observer_libraries.rs"));

/// Where the program is in the image.
pub(super) const PROGRAM: &str = "/observer";
/// Where the control groups of the engine's machine are mounted.
pub(super) const GROUPS: &str = "/group";

/// Builds it; to the same bytes each time.
pub(super) fn observer() -> Result<(Image, Built), EngineError> {
    let failed = |error: &dyn std::error::Error| EngineError::Failed {
        what: "build the observer's image".to_owned(),
        source: std::io::Error::other(error.to_string()),
    };
    let program = |bytes: &[u8]| FileRecipe {
        mode: Some("755".to_owned()),
        hex: Some(hex::encode(bytes)),
        ..FileRecipe::default()
    };
    let directory = || FileRecipe { kind: Some(Bare::Directory), ..FileRecipe::default() };
    let mut files: BTreeMap<String, FileRecipe> =
        LIBRARIES.iter().map(|(path, bytes)| ((*path).to_owned(), program(bytes))).collect();
    files.insert(PROGRAM.to_owned(), program(OBSERVER));
    files.insert(GROUPS.to_owned(), directory());
    files.insert("/tmp".to_owned(), directory());
    let layer = LayerRecipe {
        compression: crate::image::recipe::Packing::None,
        media_type: None,
        repeat: 1,
        files,
    };
    let recipe =
        Recipe { config: ConfigRecipe::default(), layers: vec![layer], ..Recipe::default() };
    let built = recipe.build("the observer").map_err(|error| failed(&error))?;
    let reference =
        Reference::parse("fixture:observer", |_| false).map_err(|error| failed(&error))?;
    let platform = &Contract::scf().platform;
    let image = load(&reference, &built, platform, Depth::Layers, &mut |_, _| {})
        .map_err(|error| failed(&error))?;
    Ok((image, built))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Lookup;

    #[test]
    fn it_has_the_program_and_no_defect() {
        let (image, _) = observer().expect("it is built");
        assert_eq!(image.defects, []);
        assert!(matches!(image.tree.lookup(PROGRAM, "/"), Lookup::Found { .. }));
    }
}
