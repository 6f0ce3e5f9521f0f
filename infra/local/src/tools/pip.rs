//! uv does not read pip's configuration. This passes on the mirrors, certificates and folders that the user configured
//! for pip.

use std::path::Path;

use tokio::process::Command;

use super::quietly;

/// The environment variables for uv that match `pip config list`. Variables that the user set for uv take precedence.
pub async fn settings_for_uv(python: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "config", "list"]);
    let listed = quietly(command, "pip config list").await?;
    Ok(translate(&listed).into_iter().filter(|(name, _)| std::env::var_os(name).is_none()).collect())
}

/// The lines are in pip's order of precedence, weakest first, so a later line replaces an earlier one.
fn translate(listed: &str) -> Vec<(&'static str, String)> {
    let mut settings: Vec<(&'static str, String)> = Vec::new();
    for line in listed.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let Some((_, key)) = key.rsplit_once('.') else { continue };
        let words: Vec<String> =
            value.trim_matches(['\'', '"']).replace("\\n", " ").split_whitespace().map(str::to_owned).collect();
        let setting = match key {
            "index-url" => ("UV_DEFAULT_INDEX", words.join(" ")),
            "extra-index-url" => ("UV_INDEX", words.join(" ")),
            "find-links" => ("UV_FIND_LINKS", words.join(",")),
            "trusted-host" => ("UV_INSECURE_HOST", words.join(" ")),
            "no-index" => ("UV_NO_INDEX", words.join(" ")),
            "cert" => ("SSL_CERT_FILE", words.join(" ")),
            "client-cert" => ("SSL_CLIENT_CERT", words.join(" ")),
            "proxy" => ("ALL_PROXY", words.join(" ")),
            "timeout" | "default-timeout" => ("UV_HTTP_TIMEOUT", words.join(" ")),
            _ => continue,
        };
        settings.retain(|(name, _)| *name != setting.0);
        settings.push(setting);
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_beats_the_files() {
        let listed = "global.index-url='https://mirror.test/a'\nglobal.find-links='\\n/one\\n/two'\n:env:.index-url='https://mirror.test/b=c'\nglobal.user='x'";
        let settings = translate(listed);
        assert_eq!(
            settings,
            [("UV_FIND_LINKS", "/one,/two".to_owned()), ("UV_DEFAULT_INDEX", "https://mirror.test/b=c".to_owned())]
        );
    }
}
