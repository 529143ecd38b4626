"""Takes a picture of the top of the running dashboard with a real Chromium: python scripts/screenshot.py URL FILE."""

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


WIDTH, HEIGHT = 1280, 1750


def main(url: str, path: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=CHROMIUM_ARGS
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(url)
        page.get_by_text("Try a sentence").wait_for(timeout=30_000)
        page.locator("[data-testid=stStatusWidget]").wait_for(state="hidden")
        page.locator(".js-plotly-plot .main-svg").last.wait_for()
        page.wait_for_timeout(1500)  # in which the plots are drawn
        page.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
