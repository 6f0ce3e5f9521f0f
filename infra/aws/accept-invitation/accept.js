// Sends the token of an invitation or a recovery to Supabase Auth once somebody has clicked. Opening the page changes nothing,
// because mail scanners open it too.
"use strict";

(() => {
  const setting = (name) => document.querySelector(`meta[name="${name}"]`).content;
  const message = document.getElementById("message");
  const button = document.getElementById("confirm");
  const asked = new URLSearchParams(location.search);
  const project = asked.get("project");
  const request = { type: asked.get("type"), token_hash: asked.get("token_hash") };

  // The link names a project and not an address, so it cannot lead the token anywhere else.
  const sound =
    /^[a-z]{20}$/.test(project) && /^(invite|recovery)$/.test(request.type) && /^[0-9a-zA-Z_-]{8,128}$/.test(request.token_hash);
  if (!sound) {
    message.textContent = "This link is not complete. Copy it from the mail as a whole.";
    return;
  }
  // Neither the history nor a page that follows keeps the token.
  history.replaceState(null, "", location.pathname);

  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const verify = `${setting("project-url").replace("{ref}", project)}/auth/v1/verify`;
      const answer = await fetch(verify, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(request),
        credentials: "omit",
      });
      if (answer.ok) {
        accepted(await answer.json());
      } else if (answer.status === 403) {
        message.textContent = "This link has ended, or was used before. Ask for another one.";
        button.hidden = true;
      } else {
        again();
      }
    } catch {
      again();
    }
  });

  function accepted(session) {
    button.hidden = true;
    message.textContent = "Your address is confirmed.";
    const target = setting("continue-to");
    if (target) {
      const names = ["access_token", "expires_in", "expires_at", "refresh_token", "token_type"];
      const handed = new URLSearchParams(names.map((name) => [name, session[name]]));
      handed.set("type", request.type);
      location.replace(`${target}#${handed}`);
    }
  }

  function again() {
    message.textContent = "That did not work. Try again in a moment.";
    button.disabled = false;
  }
})();
