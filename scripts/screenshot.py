"""Takes a picture of the running dashboard with a real Chromium: python scripts/screenshot.py URL FILE [WIDTH]."""

from __future__ import annotations

import os
import sys

from playwright.sync_api import sync_playwright

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def main(url: str, path: str, width: str = "1280") -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=CHROMIUM_ARGS
        )
        page = browser.new_page(viewport={"width": int(width), "height": 900})
        page.goto(url)
        page.get_by_text("Try a sentence").wait_for(timeout=30_000)
        page.locator("[data-testid=stStatusWidget]").wait_for(state="hidden")
        page.locator(".js-plotly-plot .main-svg").last.wait_for()
        main_area = page.locator("[data-testid=stMain]")
        height = main_area.evaluate("element => element.scrollHeight")
        page.set_viewport_size({"width": int(width), "height": height + 20})
        page.wait_for_timeout(1500)  # plots redraw after the window has its new size
        page.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
