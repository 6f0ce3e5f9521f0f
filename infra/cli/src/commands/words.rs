//! Every command that asks the API or prints data: which routes it asks, and what it prints.

use domain::routes::{self, Credential, Route};

/// What is on standard output.
#[derive(Debug, Clone, Copy)]
pub enum Stdout {
    /// What one of these routes answers.
    Answer(&'static [Route]),
    /// A shape of our own: its committed schema.
    Own(&'static str),
}

/// A command.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// As it is typed.
    pub typed: &'static str,
    /// The routes that it needs.
    pub routes: &'static [Route],
    /// What it prints.
    pub stdout: Stdout,
}

impl Words {
    /// The credential that it needs.
    pub fn credential(&self) -> Credential {
        self.routes.first().map_or(Credential::None, |route| route.credential)
    }
}

macro_rules! schema {
    ($name:literal) => {
        Stdout::Own(include_str!(concat!("../../schemas/", $name, ".json")))
    };
}

const ANSWER_OF_RUN: Stdout = Stdout::Answer(&[routes::PROVISION_TENANT, routes::GET_TENANT_STATUS]);

/// All of them, in the order of the help.
pub const ALL: &[Words] = &[
    Words { typed: "login", routes: &[], stdout: schema!("auth-check") },
    Words { typed: "logout", routes: &[], stdout: schema!("logout") },
    Words { typed: "profile list", routes: &[], stdout: schema!("profile-list") },
    Words { typed: "profile use", routes: &[], stdout: schema!("profile-list") },
    answer("health", &[routes::CHECK_LAKEHOUSE_HEALTH]),
    Words { typed: "auth check", routes: &[], stdout: schema!("auth-check") },
    answer("systems", &[routes::LIST_SYSTEMS]),
    Words { typed: "tenant create", routes: &[routes::PROVISION_TENANT], stdout: ANSWER_OF_RUN },
    Words {
        typed: "tenant apply",
        routes: &[routes::GET_TENANT, routes::PROVISION_TENANT, routes::UPDATE_TENANT, routes::INVITE_ADMIN],
        stdout: schema!("tenant-apply"),
    },
    answer("tenant list", &[routes::LIST_TENANTS]),
    answer("tenant get", &[routes::GET_TENANT]),
    answer("tenant status", &[routes::GET_TENANT_STATUS]),
    answer("tenant resources", &[routes::LIST_TENANT_RESOURCES]),
    answer("tenant check", &[routes::CHECK_TENANT]),
    answer("tenant repair", &[routes::REPAIR_TENANT]),
    Words { typed: "tenant watch", routes: &[routes::GET_TENANT_STATUS], stdout: schema!("tenant-watch") },
    answer("tenant update", &[routes::UPDATE_TENANT]),
    Words { typed: "tenant retry", routes: &[routes::RETRY_TENANT], stdout: ANSWER_OF_RUN },
    Words { typed: "tenant restore", routes: &[routes::RESTORE_TENANT], stdout: ANSWER_OF_RUN },
    answer("tenant hold", &[routes::HOLD_TENANT]),
    Words { typed: "tenant release", routes: &[routes::RELEASE_TENANT_HOLD], stdout: schema!("tenant-release") },
    answer("tenant invite", &[routes::INVITE_ADMIN]),
    answer("tenant invalidate-cache", &[routes::INVALIDATE_TENANT_CACHE]),
    Words { typed: "tenant delete", routes: &[routes::DEACTIVATE_TENANT], stdout: schema!("tenant-delete") },
    answer("purge plan", &[routes::GET_PURGE_PLAN]),
    answer("purge start", &[routes::PURGE_TENANT]),
    Words {
        typed: "purge approve",
        routes: &[routes::APPROVE_PURGE, routes::GET_TENANT, routes::GET_PURGE],
        stdout: Stdout::Answer(&[routes::APPROVE_PURGE]),
    },
    answer("purge get", &[routes::GET_PURGE]),
    Words { typed: "purge watch", routes: &[routes::GET_PURGE], stdout: schema!("purge-watch") },
    Words { typed: "purge verify", routes: &[], stdout: schema!("purge-verify") },
    answer("catalog set", &[routes::UPSERT_CATALOG]),
    answer("catalog get", &[routes::GET_CATALOG]),
    answer("catalog list", &[routes::LIST_CATALOGS]),
    answer("sync add", &[routes::REGISTER_SYNC_TARGET]),
    answer("sync list", &[routes::LIST_SYNC_TARGETS]),
    Words {
        typed: "audit list",
        routes: &[routes::LIST_AUDIT, routes::LIST_TENANT_AUDIT],
        stdout: Stdout::Answer(&[routes::LIST_AUDIT]),
    },
    Words { typed: "audit verify", routes: &[], stdout: schema!("audit-verify") },
    Words { typed: "explain", routes: &[], stdout: schema!("explain") },
    Words { typed: "--dry-run", routes: &[], stdout: schema!("dry-run") },
];

const fn answer(typed: &'static str, routes: &'static [Route]) -> Words {
    Words { typed, routes, stdout: Stdout::Answer(routes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_one_that_can_be_typed() {
        for command in ALL.iter().filter(|command| command.typed != "--dry-run") {
            let mut found = &crate::command();
            for word in command.typed.split(' ') {
                found = found.find_subcommand(word).unwrap_or_else(|| panic!("no command {}", command.typed));
            }
        }
    }

    #[test]
    fn every_route_has_a_command() {
        let known: Vec<_> = ALL.iter().flat_map(|command| command.routes).map(|route| route.name).collect();
        // The console is a page for browsers.
        let for_machines = routes::ROUTES.iter().filter(|route| route.name != routes::GET_CONSOLE.name);
        let missing = for_machines.filter(|route| !route.for_everybody && !known.contains(&route.name));
        assert_eq!(missing.map(|route| route.name).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    const CONSOLE: &str = include_str!("../../../../functions/api/get-console/page/routes.js");
    const BUTTONS: [&str; 2] = [
        include_str!("../../../../functions/api/get-console/page/actions.js"),
        include_str!("../../../../functions/api/get-console/page/create.js"),
    ];

    /// The command of `ivory` that the console shows for an operation.
    fn shown(operation: &str) -> &'static str {
        let row = CONSOLE.lines().find_map(|line| line.trim().strip_prefix(&format!("\"{operation}\": [")));
        row.and_then(|row| row.split('"').nth(5)).unwrap_or_else(|| panic!("the console shows nothing for {operation}"))
    }

    /// Beside each button the console shows the line that does the same.
    #[test]
    fn what_the_console_shows_can_be_typed() {
        let mut rows = 0;
        for line in CONSOLE.lines().filter(|line| line.starts_with("  \"")) {
            let operation = line.split('"').nth(1).expect("an operation");
            let typed = shown(operation);
            let words = ALL.iter().find(|words| words.typed == typed).unwrap_or_else(|| panic!("no command {typed}"));
            // `ivory auth check` asks who somebody is with each credential, and needs none.
            let does_it = words.routes.is_empty() || words.routes.iter().any(|route| route.name == operation);
            assert!(does_it, "{typed} does not {operation}");
            rows += 1;
        }
        assert!(rows > 10, "{rows} rows");
    }

    /// Every option of such a line is one of its command. An option is written `option("name", …)` or `--name`.
    #[test]
    fn the_options_that_the_console_shows_are_there() {
        let mut found = 0;
        // Each part begins with the operation that its options are for.
        let parts = BUTTONS.iter().flat_map(|text| text.split("operation: \"").skip(1));
        let created = BUTTONS[1].split_once("sameOnACommandLine(\"").map_or("", |(before, _)| before);
        let create = format!("provision-tenant\"{created}");
        for part in parts.chain([create.as_str()]) {
            let operation = part.split('"').next().unwrap_or_default();
            if !routes::ROUTES.iter().any(|route| route.name == operation) {
                continue;
            }
            let command = shown(operation).split(' ').fold(crate::command(), |command, word| {
                command.find_subcommand(word).unwrap_or_else(|| panic!("no command {word}")).clone()
            });
            let by_call = part.split("option(\"").skip(1);
            let by_hand = part.split("--").skip(1);
            for option in by_call.chain(by_hand) {
                let end = option.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(option.len());
                let name = &option[..end];
                let known = command.get_arguments().any(|argument| argument.get_long() == Some(name));
                assert!(known, "{operation}: --{name}");
                found += 1;
            }
        }
        assert!(found >= 12, "{found} options");
    }
}
