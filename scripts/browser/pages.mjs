// Opens pages in Chromium and checks them. `scripts/check-pages` writes what to open to standard input, as JSON:
//
//   {chromium, screenshots, pages: [{name, url}], overview: URL, hostile: [URL], prefixed: URL}
//
// Prints one line per page. Ends with 1 if anything is wrong.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const task = JSON.parse(readFileSync(0, "utf8"));
const problems = [];
const report = (page, problem) => problems.push(`${page}: ${problem}`);
// Says what a step found, if that is nothing.
const done = (text, before) => {
  if (problems.length === before) console.log(text);
};
const check = (holds, page, problem) => {
  if (!holds) report(page, problem);
};

const browser = await chromium.launch({
  executablePath: task.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// Runs `visit` with a page of its own, and reports what goes wrong on it: console errors, failed requests, other hosts.
async function withPage(name, settings, visit) {
  const context = await browser.newContext(settings);
  const page = await context.newPage();
  let host;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) report(name, `console: ${message.text()}`);
  });
  page.on("pageerror", (error) => report(name, `script: ${error}`));
  page.on("dialog", (dialog) => {
    report(name, `dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("requestfailed", (request) => {
    // A refresh that a navigation interrupts is no failure.
    if (request.failure().errorText !== "net::ERR_ABORTED") report(name, `${request.url()}: ${request.failure().errorText}`);
  });
  page.on("request", (request) => {
    host ??= new URL(request.url()).host;
    if (new URL(request.url()).host !== host) report(name, `asks another host: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) report(name, `${response.url()}: ${response.status()}`);
  });
  try {
    await visit(page);
  } catch (error) {
    report(name, error.message);
  } finally {
    await context.close();
  }
}

async function accessibility(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, impact, nodes } of violations) {
    if (["serious", "critical"].includes(impact)) report(name, `${impact}: ${id}: ${nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
  }
}

async function everyPage() {
  for (const { name, url } of task.pages) {
    const before = problems.length;
    for (const width of [400, 1280]) {
      for (const colorScheme of ["light", "dark"]) {
        const label = `${name}-${width}-${colorScheme}`;
        await withPage(label, { viewport: { width, height: 900 }, colorScheme }, async (page) => {
          await page.goto(url, { waitUntil: "load" });
          await accessibility(page, label);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          check(overflow <= 0, label, `is ${overflow} pixels too wide`);
          check(await page.evaluate(() => getComputedStyle(document.body).margin === "0px"), label, "has no stylesheet");
          await page.screenshot({ path: path.join(task.screenshots, `${label}.png`) });
        });
      }
    }
    done(`${name}: loads without errors at 400 and 1280 pixels, light and dark`, before);
  }
}

const rows = (page) => page.locator("table.workloads tbody tr").count();
const waitForRows = async (page, holds) => {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    if (holds(await rows(page))) return true;
    await page.waitForTimeout(100);
  }
  return false;
};

async function filtersWithScripts() {
  const before = problems.length;
  const name = "filters with scripts";
  await withPage(name, {}, async (page) => {
    await page.goto(task.overview);
    const all = await rows(page);
    check(all > 5, name, `only ${all} rows`);
    check(!(await page.getByRole("button", { name: "Apply" }).isVisible()), name, "the button is not hidden");
    await page.evaluate(() => { window.stays = true; });
    await page.getByLabel("Filter by name, namespace, label").pressSequentially("invoice");
    check(await waitForRows(page, (count) => count > 0 && count < all), name, "typing filters nothing");
    check(page.url().endsWith("?q=invoice"), name, `the address is ${page.url()}`);
    check(await page.evaluate(() => window.stays), name, "the page was loaded again");
    await page.getByLabel("State", { exact: true }).selectOption("suspended");
    check(await waitForRows(page, (count) => count <= 2), name, "the state filters nothing");
    await page.reload();
    check(page.url().includes("state=suspended") && (await page.getByLabel("State", { exact: true }).inputValue()) === "suspended", name, "a reload forgets the filter");
    await page.goto(task.overview);
    await page.keyboard.press("Tab");
    check(await page.evaluate(() => document.activeElement.textContent === "Skip to content"), name, "the first tab stop does not skip to the content");
    // The page follows the cluster by itself.
    const date = () => page.locator("[data-live=health] span").textContent();
    const shown = await date();
    await page.waitForTimeout(16_500);
    check((await date()) !== shown, name, "the page does not refresh");
  });
  done(`${name}: work`, before);
}

async function filtersWithoutScripts() {
  const before = problems.length;
  const name = "filters without scripts";
  await withPage(name, { javaScriptEnabled: false }, async (page) => {
    await page.goto(task.overview);
    const all = await rows(page);
    await page.getByLabel("Filter by name, namespace, label").fill("invoice");
    await page.getByRole("button", { name: "Apply" }).click();
    const found = await rows(page);
    check(found > 0 && found < all, name, `${found} of ${all} rows`);
    await page.getByRole("link", { name: "Workload", exact: true }).click();
    check(page.url().includes("q=invoice") && page.url().includes("sort=workload"), name, `sorting leads to ${page.url()}`);
    check((await rows(page)) === found, name, "sorting changes the filter");
    await page.goto(task.overview);
    await page.locator("nav.cards a", { hasText: "running" }).click();
    const states = await page.locator("td.state .st").allTextContents();
    check(states.length > 0 && states.every((state) => state === "running"), name, `the card shows ${states}`);
    await page.locator("td.name a").first().click();
    check(page.url().includes("/workloads/"), name, "a name does not lead to its page");
    await page.getByRole("link", { name: "Workloads" }).first().click();
    check((await rows(page)) > 0, name, "the way back is lost");
  });
  done(`${name}: work`, before);
}

async function hostileNames() {
  const before = problems.length;
  for (const url of task.hostile) {
    const name = `hostile ${url}`;
    await withPage(name, { viewport: { width: 400, height: 800 } }, async (page) => {
      await page.goto(url);
      // Whatever was injected would have run by now, or would be an element that no template has.
      const injected = await page.locator("b[data-injected], img, iframe, [onerror], a[href^=javascript]").count();
      check(injected === 0, name, `${injected} injected elements`);
      check(await page.evaluate(() => window.injected === undefined), name, "a script ran");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(overflow <= 0, name, `is ${overflow} pixels too wide`);
      await accessibility(page, name);
    });
  }
  done(`hostile names: do no harm on ${task.hostile.length} pages`, before);
}

async function belowAPrefix() {
  const before = problems.length;
  const name = "below a prefix";
  await withPage(name, {}, async (page) => {
    await page.goto(task.prefixed);
    check((await rows(page)) > 0, name, "no rows");
    await page.locator("td.name a").first().click();
    await page.waitForLoadState();
    check(page.url().startsWith(`${task.prefixed}workloads/`), name, `a workload is at ${page.url()}`);
    for (const link of ["Targets", "Configuration", "Workloads"]) {
      await page.getByRole("navigation", { name: "Pages", exact: true }).getByRole("link", { name: link }).click();
      await page.waitForLoadState();
      check(page.url().startsWith(task.prefixed), name, `${link} is at ${page.url()}`);
    }
  });
  done(`${name}: all links work`, before);
}

await everyPage();
await filtersWithScripts();
await filtersWithoutScripts();
await hostileNames();
await belowAPrefix();
await browser.close();
for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
