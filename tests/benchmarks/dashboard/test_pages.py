from benchmarks.dashboard.pages import environment


def test_a_dashboard_is_measured_with_the_settings_of_memory_that_its_image_has(monkeypatch):
    for name in ("MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)

    found = environment(LOG_DIR="logs")

    assert (found["LOG_DIR"], found["MALLOC_ARENA_MAX"]) == ("logs", "1")
    assert int(found["MALLOC_MMAP_THRESHOLD_"]) < int(found["MALLOC_TRIM_THRESHOLD_"])
