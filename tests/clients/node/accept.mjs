// Opens the shipped page as a browser does, at the link of a mail, and clicks if it is told to. Prints what the page says.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { JSDOM } from "jsdom";

const { PAGE_FOLDER, LINK, PROJECT_URL, CLICK } = process.env;
const link = new URL(LINK);
const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const name = pathname.endsWith("/") ? "index.html" : pathname.split("/").pop();
  let body = await readFile(`${PAGE_FOLDER}/${name}`, "utf8");
  if (name === "index.html") {
    // As whoever hosts the page adapts it.
    body = body.replace("https://{ref}.supabase.co", PROJECT_URL);
  }
  response.setHeader("content-type", name.endsWith(".js") ? "text/javascript" : "text/html");
  response.end(body);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const here = `http://127.0.0.1:${server.address().port}${link.pathname}${link.search}`;
const calls = [];
const page = await JSDOM.fromURL(here, {
  runScripts: "dangerously",
  resources: "usable",
  beforeParse: (window) => {
    window.fetch = (url, options) => {
      calls.push(url);
      return fetch(url, options);
    };
  },
});
const { document, location } = page.window;
await new Promise((loaded) => page.window.addEventListener("load", loaded));
const message = () => document.getElementById("message").textContent;
const button = document.getElementById("confirm");
if (CLICK && !button.hidden) {
  const before = message();
  button.click();
  while (message() === before) {
    await new Promise((turn) => setTimeout(turn, 20));
  }
}
console.log(JSON.stringify({ message: message(), calls, offered: !button.hidden, query: location.search }));
page.window.close();
server.close();
