"""What a reader does with the HTML report, done by a browser. `run` starts this; it writes the reports that are opened here."""

import os
import pathlib
import time
import unittest

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

REPORTS = pathlib.Path(os.environ["DBAUDIT_REPORTS"])
SHOTS = os.environ.get("DBAUDIT_SHOTS")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}


class HtmlReport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        # A container has no user namespaces for Chromium's sandbox; what is opened was written by this test.
        cls.browser = cls.playwright.chromium.launch(executable_path=os.environ["DBAUDIT_CHROMIUM"], args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()

    def setUp(self):
        self.contexts, self.console, self.requests = [], [], []

    def tearDown(self):
        for context in self.contexts:
            context.close()
        self.assertEqual(self.console, [], "the console stays empty")
        self.assertEqual([url for url in self.requests if not url.startswith(REPORTS.as_uri())], [], "nothing is fetched")

    def open(self, name, fragment="", viewport=DESKTOP, init=None, **options):
        context = self.browser.new_context(viewport=viewport, **options)
        self.contexts.append(context)
        if init:
            context.add_init_script(init)
        page = context.new_page()
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto((REPORTS / f"{name}.html").as_uri() + fragment)
        return page

    def shot(self, page, name):
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)

    def shown(self, page):
        return page.locator(".finding:visible").count()

    def settle(self, page):
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def search(self, page, text):
        page.fill("input[name=q]", text)
        self.settle(page)

    # --- Filters ------------------------------------------------------------------------------------------------------------------------

    def test_filters_narrow_count_and_come_back_from_the_address(self):
        page = self.open("shop")
        every = self.shown(page)
        self.assertGreaterEqual(every, 6)
        self.assertEqual(page.inner_text("#count"), f"{every} of {every} findings shown")

        page.select_option("select[name=table]", "item")
        self.settle(page)
        of_item = self.shown(page)
        self.assertTrue(0 < of_item < every)
        self.assertEqual(page.inner_text("#count"), f"{of_item} of {every} findings shown")
        self.assertEqual(page.locator(".timeline [data-f]:visible").count(), of_item)
        self.assertIn("table=item", page.url)

        page.select_option("select[name=rule]", "DBA101")
        self.settle(page)
        self.assertEqual(self.shown(page), 1)
        self.assertEqual(page.locator(".finding:visible").get_attribute("data-rule"), "DBA101")
        self.assertIn("(1)", page.locator("select[name=rule] option:checked").inner_text())

        again = self.open("shop", page.url[page.url.index("#"):])
        self.assertEqual(again.input_value("select[name=table]"), "item")
        self.assertEqual(again.input_value("select[name=rule]"), "DBA101")
        self.assertEqual(self.shown(again), 1)
        again.click("#show-all")
        self.settle(again)
        self.assertEqual(self.shown(again), every)

    def test_severity_confidence_and_text(self):
        page = self.open("shop")
        every = self.shown(page)
        errors = page.locator(".finding.error").count()
        self.assertGreater(errors, 0)
        page.click("label.chip.error")
        self.settle(page)
        self.assertEqual(self.shown(page), every - errors)
        self.assertEqual(page.locator("label.chip.error output").inner_text(), str(errors))  # what it would bring back
        page.click("label.chip.error")
        page.select_option("select[name=confidence]", "proven")
        self.settle(page)
        self.assertEqual(self.shown(page), 0)
        self.assertTrue(page.is_visible("#none"))
        page.click("#show-all")
        self.settle(page)
        self.search(page, "BASKET insert")
        found = page.locator(".finding:visible")
        self.assertTrue(0 < found.count() < every)
        for i in range(found.count()):
            self.assertIn("basket", found.nth(i).text_content())
        self.search(page, "zzz-is-nowhere")
        self.assertEqual(self.shown(page), 0)
        self.assertEqual(self.shown(self.open("shop", "#rule=%00&table=nope&f=f-0&confidence=zzz&x=%")), every)

    # --- Keys, links --------------------------------------------------------------------------------------------------------------------

    def test_keys(self):
        page = self.open("shop")
        ids = page.eval_on_selector_all(".finding", "all => all.map(e => e.id)")
        focused = "document.activeElement.closest('.finding')?.id ?? null"
        is_open = "document.activeElement.closest('details').open"
        page.keyboard.press("j")
        self.assertEqual(page.evaluate(focused), ids[0])
        page.keyboard.press("j")
        self.assertEqual(page.evaluate(focused), ids[1])
        self.assertIn(f"f={ids[1]}", page.url)
        self.assertNotEqual(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none")
        page.keyboard.press("k")
        self.assertEqual(page.evaluate(focused), ids[0])
        page.keyboard.press("k")
        self.assertEqual(page.evaluate(focused), ids[0])  # there is none before it
        page.keyboard.press("j")
        before = page.evaluate(is_open)
        page.keyboard.press("Enter")
        self.assertNotEqual(page.evaluate(is_open), before)
        if before:
            page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        self.assertFalse(page.evaluate(is_open))

        page.keyboard.press("/")
        self.assertEqual(page.evaluate("document.activeElement.name"), "q")
        page.keyboard.type("j?/k")
        self.assertEqual(page.input_value("input[name=q]"), "j?/k")
        page.keyboard.press("Escape")
        self.assertNotEqual(page.evaluate("document.activeElement.name"), "q")
        page.keyboard.press("?")
        self.assertTrue(page.is_visible("#help"))
        self.shot(page, "help")
        page.keyboard.press("Escape")
        self.assertFalse(page.is_visible("#help"))

    def test_tab_comes_to_the_skip_link_first(self):
        page = self.open("shop")
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.className"), "skip")
        page.keyboard.press("Enter")
        self.assertEqual(page.evaluate("location.hash"), "#findings")
        self.assertEqual(page.evaluate("document.activeElement.id"), "findings")

    def test_links_into_the_page_open_what_they_name(self):
        last = self.open("shop").locator(".finding").last.get_attribute("id")
        page = self.open("shop", f"#{last}")
        self.assertTrue(page.evaluate("id => document.getElementById(id).firstElementChild.open", last))
        page.locator(f"#{last} a[href^='#rule-']").first.click()
        page.wait_for_function("document.querySelector('.rules details[open]') !== null")
        self.search(page, "zzz-is-nowhere")
        page.evaluate("id => { location.hash = id; }", last)  # a link to a hidden finding shows it
        page.wait_for_function("id => !document.getElementById(id).hidden", arg=last)
        page.locator(".timeline a").first.click()
        page.wait_for_function("document.activeElement.tagName === 'SUMMARY'")

    # --- Copying ------------------------------------------------------------------------------------------------------------------------

    def copied(self, page):
        finding = page.locator(".finding").first
        wanted = finding.locator("pre.paste").first.text_content()
        button = finding.get_by_role("button", name="Copy").first
        button.click()
        page.wait_for_function("document.getElementById('said').textContent !== ''")
        self.assertEqual(page.inner_text("#said"), "Copied")
        page.focus("input[name=q]")
        page.keyboard.press("Control+V")
        self.assertGreater(len(wanted), 20)
        self.assertEqual(page.input_value("input[name=q]").split(), wanted.split())  # one line of input has no line breaks

    def test_copy(self):
        self.copied(self.open("shop"))

    def test_copy_where_there_is_no_clipboard_for_files(self):
        self.copied(self.open("shop", init="Object.defineProperty(Navigator.prototype, 'clipboard', {get: () => undefined})"))

    def test_what_cannot_be_copied_is_selected(self):
        page = self.open("shop", init="Object.defineProperty(Navigator.prototype, 'clipboard', {get: () => undefined}); Document.prototype.execCommand = () => false")
        page.locator(".finding").first.get_by_role("button", name="Copy").first.click()
        page.wait_for_function("document.getElementById('said').textContent !== ''")
        self.assertEqual(page.evaluate("String(getSelection())").split(), page.locator(".finding pre.paste").first.text_content().split())

    # --- How it looks -------------------------------------------------------------------------------------------------------------------

    def test_axe_finds_nothing_serious(self):
        axe = Axe()
        for scheme in ("light", "dark"):
            for viewport in (DESKTOP, PHONE):
                for name in ("shop", "empty") if viewport == PHONE else ("shop",):
                    page = self.open(name, viewport=viewport, color_scheme=scheme)
                    if name == "shop":
                        page.click("#toggle-all")
                        page.evaluate("for (const d of document.querySelectorAll('.rules details')) d.open = true")
                        page.evaluate("for (const e of document.querySelectorAll('.finding')) e.style.contentVisibility = 'visible'")  # else axe skips them
                    else:
                        page.keyboard.press("?")
                    violations = [f"{v['id']}: {v['help']}: {v['nodes'][0]['html']}: {v['nodes'][0].get('failureSummary')}"
                                  for v in axe.run(page).response["violations"] if v["impact"] in ("serious", "critical")]
                    self.assertEqual(violations, [], f"{name} {scheme} {viewport['width']}")
                    self.shot(page, f"{name}-{scheme}-{viewport['width']}")

    def test_nothing_is_wider_than_a_phone(self):
        for name in ("shop", "hostile", "empty"):
            for width in (375, 320):
                page = self.open(name, viewport={"width": width, "height": 700})
                if name != "empty":
                    page.click("#toggle-all")
                    page.evaluate("for (const d of document.querySelectorAll('.rules details')) d.open = true")
                self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width, name)

    def test_theme(self):
        page = self.open("shop", color_scheme="light")
        background = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(background)
        page.click("#theme")
        self.assertEqual(page.evaluate(background), light)
        page.click("#theme")
        self.assertEqual(page.inner_text("#theme"), "Theme: dark")
        self.assertNotEqual(page.evaluate(background), light)
        self.assertNotEqual(self.open("shop", color_scheme="dark").evaluate(background), light)

    def test_less_motion(self):
        behavior = "getComputedStyle(document.documentElement).scrollBehavior"
        self.assertEqual(self.open("shop", reduced_motion="reduce").evaluate(behavior), "auto")
        self.assertEqual(self.open("shop", reduced_motion="no-preference").evaluate(behavior), "smooth")

    def test_paper(self):
        page = self.open("shop", java_script_enabled=False)
        page.emulate_media(media="print", color_scheme="dark")
        self.assertFalse(page.is_visible("nav"))
        closed = page.locator(".finding details:not([open]) .lanes").first
        self.assertTrue(closed.is_visible(), "closed findings are printed")
        self.shot(page, "paper")

    # --- What is in it ------------------------------------------------------------------------------------------------------------------

    def test_without_scripts_all_is_there_but_the_filters(self):
        page = self.open("shop", java_script_enabled=False)
        for hidden in ("#filters", "#theme", "#help-open", "#help"):
            self.assertFalse(page.is_visible(hidden), hidden)
        finding = page.locator(".finding").nth(1)
        self.assertFalse(finding.locator(".lanes").is_visible())
        finding.locator("summary").first.click()
        self.assertTrue(finding.locator(".lanes").is_visible())
        self.assertTrue(finding.locator("pre.paste").first.is_visible())
        self.assertTrue(page.is_visible(".timeline"))
        self.shot(page, "no-scripts")

    def test_hostile_names_are_only_text(self):
        page = self.open("hostile")
        self.assertGreaterEqual(self.shown(page), 6)
        page.click("#toggle-all")
        for number in range(1, page.locator("select[name=table] option").count()):
            page.select_option("select[name=table]", index=number)
            self.settle(page)
            self.assertGreater(self.shown(page), 0)
            page.locator(".finding:visible summary").first.hover()
        self.assertIsNone(page.evaluate("window.pwned ?? null"))
        self.assertEqual(page.locator("script").count(), 1)
        self.assertEqual(page.locator("style").count(), 1)
        self.assertEqual(page.locator("img, iframe, object, embed, link, base").count(), 0)
        handlers = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames().filter(n => n.startsWith('on') || n === 'style').map(n => e.outerHTML.slice(0, 200)))"
        self.assertEqual(page.evaluate(handlers), [])
        self.assertEqual(page.evaluate("[...document.links].filter(a => !a.getAttribute('href').startsWith('#')).length"), 0)
        self.assertIn("</script><script>", page.inner_text("main"))
        self.shot(page, "hostile")

    def test_the_policy_stops_what_an_escape_would_have_missed(self):
        page = self.open("shop")
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned=1\"><p style=\"color:red\" onclick=\"window.pwned=1\" id=trap>trap</p>')")
        page.click("#trap")
        self.assertIsNone(page.evaluate("window.pwned ?? null"))
        self.assertTrue(self.console, "the browser says what it refused")
        self.console.clear()

    def test_no_findings(self):
        page = self.open("empty")
        self.assertIn("Nothing was found", page.inner_text("#findings"))
        self.assertFalse(page.is_visible("#filters"))
        for key in "jk/?":
            page.keyboard.press(key)

    def test_two_thousand_findings_stay_usable(self):
        begin = time.monotonic()
        page = self.open("many")
        loaded = time.monotonic() - begin
        findings = page.locator(".finding").count()
        self.assertGreaterEqual(findings, 2000)
        begin = time.monotonic()
        self.search(page, "table_0777")
        searched = time.monotonic() - begin
        self.assertTrue(0 < self.shown(page) < 10)
        self.search(page, "")
        begin = time.monotonic()
        for _ in range(10):
            page.keyboard.press("Escape")
            page.keyboard.press("j")
        stepped = (time.monotonic() - begin) / 10
        size = (REPORTS / "many.html").stat().st_size
        print(f"{findings} findings: {size / 1e6:.1f} MB, opened in {loaded:.2f} s, searched in {searched:.2f} s, a step takes {stepped * 1000:.0f} ms")
        self.assertLess(size, 40e6)
        self.assertLess(loaded, 15)
        self.assertLess(searched, 5)
        self.assertLess(stepped, 1)
