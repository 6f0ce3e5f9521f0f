//! Sources as text.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::root;
use crate::workspace::Package;

/// What a package ships: all files below its `src`, without their test modules.
pub fn shipped(package: &Package) -> Result<String> {
    let mut text = String::new();
    collect(&root()?.join(&package.folder).join("src"), &mut text)?;
    Ok(text)
}

fn collect(folder: &Path, text: &mut String) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, text)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = std::fs::read_to_string(&path)?;
            text.push_str(file.split("#[cfg(test)]\nmod tests").next().unwrap_or(&file));
        }
    }
    Ok(())
}
