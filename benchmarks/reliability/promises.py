"""What the README promises: what happens, what holds nevertheless, and the test that really does it to the system."""

from __future__ import annotations

from typing import NamedTuple


class Promise(NamedTuple):
    fault: str
    promise: str
    test: str  # the test's file and function, as pytest names it; notes what it measured with the fixture `publish`


TESTS = "tests/reliability/"

FAULTS = [
    Promise(
        "the API is killed at random moments under load, also while it closes a file",
        "no acknowledged answer is lost, no line torn, no id twice",
        TESTS + "test_kills.py::test_kills_at_random_moments_under_load_lose_nothing",
    ),
    Promise(
        "the machine loses its power (a copy of the disk as the kernel has written it, a real ext4)",
        "`always`: no acknowledged answer is lost; `everysec`: at most those of the last second",
        TESTS + "test_power_cuts.py::test_what_was_acknowledged_outlives_a_power_cut",
    ),
    Promise(
        "the disk is full, and then has room again",
        "503 with the reason, not ready, the page says so; ready by itself within 5 s; no line torn",
        TESTS + "test_containers.py::test_a_full_disk_is_said_and_recovered_from",
    ),
    Promise(
        "the folder of the log becomes read-only, and is writable again",
        "noticed within 2 s, 503 with the reason, ready by itself within 5 s",
        TESTS + "test_containers.py::test_a_folder_that_becomes_read_only_is_said_and_recovered_from",
    ),
    Promise(
        "the file or the folder is deleted, moved or replaced under the API",
        "noticed within 2 s, without a request; a new one is written, and nothing refused",
        TESTS + "test_folders.py::test_what_is_taken_away_is_noticed_and_written_anew",
    ),
    Promise(
        "something else stands where the folder was",
        "noticed within 2 s, 503 with the reason, ready by itself within 5 s",
        TESTS + "test_folders.py::test_a_folder_that_cannot_be_made_is_a_503_with_the_reason_until_it_can",
    ),
    Promise(
        "the API is killed in the middle of a large write",
        "half a line is cut off when the file is opened again, which is said once; no line is unreadable",
        TESTS + "test_left_overs.py::test_half_a_line_that_a_kill_leaves_is_gone_when_the_file_is_opened_again",
    ),
    Promise(
        "the next file of the log is somebody else's, or cannot be opened",
        "it is passed over with a warning, and nothing refused",
        TESTS + "test_left_overs.py::test_a_log_file_of_somebody_else_is_passed_over",
    ),
    Promise(
        "8 processes write one log at once",
        "nothing is lost or torn, each has a file of its own",
        TESTS + "test_kills.py::test_eight_processes_write_one_log",
    ),
    Promise(
        "SIGTERM under load",
        "every accepted request is answered, and it ends in less than 5 s",
        TESTS + "test_kills.py::test_a_stop_under_load_answers_what_was_accepted",
    ),
    Promise(
        "the API is down, takes 5 s for an answer, or answers nonsense",
        "the page stays up, says so, and can be used meanwhile",
        TESTS + "test_pages.py::test_the_page_stays_up_and_says_what_the_api_does",
    ),
    Promise(
        "the environment names a proxy that knows nothing of this machine, where the provider of sign-in is",
        "the provider is asked directly, and one can sign in",
        TESTS + "test_sign_in.py::test_a_provider_beside_the_page_is_asked_directly_whatever_proxy_there_is",
    ),
    Promise(
        "the dashboard is killed under load",
        "no request is refused or lost",
        TESTS + "test_containers.py::test_serving_does_not_feel_that_the_dashboard_is_killed",
    ),
    Promise(
        "20 people open the page at once under load",
        "no request is refused or lost",
        TESTS + "test_pages.py::test_serving_does_not_feel_twenty_people_who_open_the_page",
    ),
    Promise(
        "the clock jumps back by an hour",
        "requests stand in order of time, windows of time hold what is in them, no alarm or count changes",
        TESTS + "test_clocks.py::test_a_clock_that_jumps_back_changes_no_count_no_alarm_and_no_order",
    ),
    Promise(
        "an upgrade and a rollback under load, with Compose",
        "no acknowledged answer is lost; what is refused can be sent again",
        TESTS + "test_containers.py::test_an_upgrade_and_a_rollback_lose_nothing",
    ),
    Promise(
        "an upgrade and a rollback under load, with Helm",
        "no acknowledged answer is lost; what is refused can be sent again",
        "tests/smoke/test_release.py::test_an_upgrade_and_a_rollback_under_load_lose_nothing",
    ),
    Promise(
        "the log is of an older program, or of a newer one with fields that this one does not know",
        "it is read and gone on with; what is unknown stays as it is",
        TESTS + "test_versions.py::test_a_log_of_another_version_is_read_and_gone_on_with_and_keeps_what_is_unknown",
    ),
]

HOSTILE: list[Promise] = [
    Promise(
        "clients send a byte at a time, of the head or of the body",
        "they are cut off after `CLIENT_SECONDS`, with 408 if it was a request; others notice nothing",
        f"{TESTS}test_slow_clients.py::test_a_client_that_sends_a_byte_at_a_time_is_cut_off",
    ),
    Promise(
        "a client does not take its answers",
        "it is cut off after `CLIENT_SECONDS`; no more than a few answers are kept for it",
        f"{TESTS}test_slow_clients.py::test_a_client_that_does_not_take_its_answers_is_cut_off",
    ),
    Promise(
        "a thousand connections that say nothing",
        "others are answered; they are closed after `CLIENT_SECONDS`",
        f"{TESTS}test_slow_clients.py::test_idle_connections_neither_hold_up_others_nor_stay",
    ),
    Promise(
        "more connections than `MAX_CONNECTIONS`",
        "503 with a sentence, and answers again as soon as one is closed",
        f"{TESTS}test_slow_clients.py::test_a_connection_beyond_the_limit_gets_a_503_and_the_next_one_an_answer",
    ),
    Promise(
        "first lines, headers, trailers and extensions of chunks without end",
        "431 at 32 kB; memory stays as it is",
        f"{TESTS}test_greedy_clients.py::test_a_head_without_end_is_refused",
    ),
    Promise(
        "a body without end",
        "413 at the limit; the rest is not kept",
        f"{TESTS}test_greedy_clients.py::test_a_body_without_end_is_refused",
    ),
    Promise(
        "a compressed bomb",
        "415 with a sentence; nothing is unpacked",
        f"{TESTS}test_greedy_clients.py::test_a_compressed_body_is_refused_and_not_unpacked",
    ),
    Promise(
        "many of the largest bodies at once",
        "memory for eight of them; small requests are answered meanwhile",
        f"{TESTS}test_greedy_clients.py::test_large_bodies_that_come_together_do_not_take_all_memory",
    ),
    Promise(
        "clients send large bodies but for their last byte",
        "an honest request of any size and encoding waits at most 1 s longer than alone",
        f"{TESTS}test_greedy_clients.py::test_clients_that_never_finish_their_bodies_keep_nobody_waiting",
    ),
    Promise(
        "JSON of the largest size that takes a decoder long",
        "an honest request waits at most 0.2 s longer than alone",
        f"{TESTS}test_hostile_json.py::test_no_body_holds_up_others",
    ),
    Promise(
        "many bodies at once with thousands of mistakes",
        "they are described one by one, and others are answered in between",
        f"{TESTS}test_hostile_json.py::test_bodies_that_take_long_to_describe_have_their_turns_one_by_one",
    ),
    Promise(
        "questions why from clients that hang up at once",
        "they are skipped; others are answered meanwhile",
        f"{TESTS}test_explanations.py::test_questions_that_nobody_waits_for_any_more_hold_up_nobody",
    ),
    Promise(
        "more questions why than can be answered soon, and SIGTERM meanwhile",
        "503 with `Retry-After` beyond 32 that wait; the service ends within 5 s",
        f"{TESTS}test_explanations.py::"
        "test_more_questions_than_can_be_answered_soon_get_a_503_and_the_service_still_stops",
    ),
    Promise(
        "clients offer to go on with another protocol (HTTP/2, WebSockets, TLS)",
        "the offer is ignored, the request answered; its body is never read as a request",
        f"{TESTS}test_offers.py::test_whatever_is_offered_a_request_is_answered_and_its_body_is_no_request",
    ),
    Promise(
        "connections are idle between requests",
        "the service closes them after `KEEP_ALIVE_SECONDS` (75), later than usual proxies do",
        f"{TESTS}test_offers.py::test_an_idle_connection_is_closed_by_the_service_only_after_keep_alive_seconds",
    ),
    Promise(
        "requests that are sent ahead of their answers",
        "a hundred are answered in order; a client that sends more is cut off",
        f"{TESTS}test_greedy_clients.py::test_requests_sent_ahead_are_answered_in_order_up_to_a_limit",
    ),
    Promise(
        "requests made by chance: JSON with mistakes, bytes that are none, headers that lie",
        "documented answers in one sentence, no 500; one line in the log for each 200, equal to what was sent",
        f"{TESTS}test_fuzzing.py::"
        "test_whatever_is_sent_gets_a_documented_answer_and_what_was_answered_is_what_is_logged",
    ),
    Promise(
        "requests made from the OpenAPI document, right ones and wrong ones (Schemathesis)",
        "the service does what its documentation says",
        f"{TESTS}test_fuzzing.py::test_the_service_does_what_its_own_documentation_says",
    ),
    Promise(
        "line breaks, escape sequences and half characters in paths and headers",
        "no request forges a line of what the service prints",
        f"{TESTS}test_fuzzing.py::test_no_request_forges_a_line_of_what_the_service_prints",
    ),
    Promise(
        "texts of 10 and 20 million characters, of what tokenizers like least",
        "answered, in time that grows with the length and not with its square",
        f"{TESTS}test_huge_texts.py::test_time_grows_with_a_text_and_not_with_its_square",
    ),
    Promise(
        "a line of 10 and 20 million characters in the log",
        "read, in time that grows with its length",
        f"{TESTS}test_huge_texts.py::test_readers_of_the_log_take_time_in_proportion_to_a_line",
    ),
]

ACCESS: list[Promise] = [
    Promise(
        "no token, a wrong one, or one without the scope, on every route",
        "401 or 403, counted, and nothing is logged",
        TESTS + "test_access.py::test_nothing_is_answered_or_logged_without_the_right_token",
    ),
    Promise(
        "a request without a token whose body never comes",
        "it is refused at once: of its body nothing is read",
        TESTS + "test_access.py::test_a_body_that_is_never_sent_is_not_waited_for",
    ),
    Promise(
        "tokens are replaced in their file under load",
        "nobody with the right one is refused; the old one is, a second or so after it was removed",
        TESTS + "test_access.py::test_tokens_are_replaced_under_load_and_nobody_with_the_right_one_is_refused",
    ),
    Promise(
        "the file of tokens becomes unusable while the service runs",
        "the tokens that it had stay, and the service says so once",
        TESTS + "test_access.py::test_a_file_of_tokens_that_becomes_bad_changes_nothing_and_is_said_once",
    ),
    Promise(
        "tokens that cannot be used at the start",
        "the service does not start, and shows no token",
        TESTS + "test_access.py::test_a_service_never_starts_without_the_tokens_that_it_was_to_ask_for",
    ),
    Promise(
        "a client that asks without pause, with `RATE_LIMIT`",
        "the limit is let through and logged; the rest gets 429 with the seconds to wait, which are enough",
        TESTS + "test_access.py::test_a_limit_lets_through_what_it_says_and_then_says_when_to_come_again",
    ),
    Promise(
        "a client claims other addresses in `X-Forwarded-For`, with `RATE_LIMIT`",
        "it has one limit all the same, also on this machine: only `FORWARDED_ALLOW_IPS` are believed",
        TESTS + "test_access.py::test_who_claims_to_ask_for_others_has_one_limit",
    ),
    Promise(
        "a client tries tokens, with `RATE_LIMIT`",
        "429 once there were as many as the limit; a right token from the same address is answered all along",
        TESTS + "test_access.py::test_who_tries_tokens_is_slowed_down_and_locks_nobody_out",
    ),
    Promise(
        "a website that has given its own name this machine's address (DNS rebinding) asks the API",
        "400 on every route but the probes, and nothing is logged",
        TESTS + "test_access.py::test_a_website_that_has_this_machines_address_is_refused",
    ),
    Promise(
        "an admin opens `/docs`, types a token and tries a route",
        "the browser asks no server but this one, also behind a proxy that strips a path",
        "tests/browser/test_docs_page.py::test_an_admin_reads_and_tries_everything_and_the_browser_asks_nobody_else",
    ),
    Promise(
        "guessing a token by how long its refusal takes",
        "each is compared with all, by digest, in constant time",
        TESTS + "test_access.py::test_a_token_is_compared_with_all_of_them_whichever_it_is",
    ),
    Promise(
        "another machine asks what `make run` started without Docker",
        "nothing listens for it: all three services are bound to this machine",
        TESTS + "test_access.py::test_what_runs_without_docker_answers_this_machine_only",
    ),
    Promise(
        "the page is opened without a sign-in, where one is asked for",
        "nothing of the log reaches that browser",
        f"{TESTS}test_sign_in.py::test_nothing_of_the_log_reaches_who_is_not_signed_in",
    ),
    Promise(
        "the cookie of a sign-in is forged, or any of it is changed",
        "it is no sign-in",
        f"{TESTS}test_sign_in.py::test_a_cookie_that_this_installation_did_not_sign_is_no_sign_in",
    ),
    Promise(
        "somebody signs in whose address is not allowed, or not verified",
        "they are told why they see nothing, and can sign in as somebody else",
        f"{TESTS}test_sign_in.py::test_only_a_verified_address_that_is_allowed_is_let_in_and_others_are_told_why",
    ),
    Promise(
        "somebody signs out in one of several tabs, and the cookie was copied before",
        "every tab is emptied, and the copy lets nobody in",
        f"{TESTS}test_sign_in.py::test_signing_out_ends_every_tab_and_every_copy_of_the_cookie",
    ),
    Promise(
        "the hours of a sign-in are over, and its cookie is not",
        "it lets nobody in",
        f"{TESTS}test_sign_in.py::test_a_sign_in_ends_after_its_hours",
    ),
    Promise(
        "somebody who has not signed in uploads files to the page",
        "404, and nothing of them is kept",
        f"{TESTS}test_strangers.py::test_uploads_are_refused_unread",
    ),
    Promise(
        "somebody who has not signed in begins long messages by the page's websocket",
        "it is closed, and nothing of them is kept",
        f"{TESTS}test_strangers.py::test_the_frame_of_a_long_message_is_not_waited_for",
    ),
    Promise(
        "somebody who has not signed in opens the page without end",
        "256 sessions are held, each with a message of at most 256 kB, and the next one gets 503",
        f"{TESTS}test_strangers.py::test_so_many_sessions_are_held_and_no_more",
    ),
    Promise(
        "connections to the page that send nothing, half a head, a byte at a time, or take nothing of an answer",
        "the page answers others; they are ended after `KEEP_ALIVE_SECONDS`, the oldest of more than 1,000 at once",
        f"{TESTS}test_strangers.py::test_connections_that_only_wait_are_ended_and_the_page_answers_meanwhile",
    ),
    Promise(
        "a web site gives its name the address of this machine (DNS rebinding), and asks for the page by that name",
        "400 that names the host and `ALLOWED_HOSTS`, before anything is sent",
        f"{TESTS}test_strangers.py::test_a_site_that_says_that_its_name_is_this_machine_reads_nothing",
    ),
]

PRIVACY: list[Promise] = [
    Promise(
        "`LOG_TEXT=redacted`: texts hold invented e-mail addresses and payment card numbers, in many forms",
        "at least 99 % of each are on the disk no more",
        TESTS + "test_personal_data.py::test_planted_addresses_and_cards_are_not_on_the_disk",
    ),
    Promise(
        "`LOG_TEXT=redacted`: texts hold telephone numbers of all countries",
        "at least 99 % of those in international form are on the disk no more; of others, as many as can be told",
        TESTS + "test_personal_data.py::test_planted_telephone_numbers_are_not_on_the_disk",
    ),
    Promise(
        "`LOG_TEXT=redacted`: texts hold years, dates, prices, ratings, scores, addresses of machines",
        "at most 1 % of the texts are changed",
        TESTS + "test_personal_data.py::test_numbers_that_are_none_stay_on_the_disk",
    ),
    Promise(
        "`LOG_TEXT=redacted`: texts of 20,000 characters that are made to take long",
        "the time grows with the length alone",
        TESTS + "test_personal_data.py::test_hostile_texts_cannot_hold_the_service_up",
    ),
    Promise(
        "`LOG_TEXT=hashed`: texts are answered, refused, explained, and looked for in all that is written and printed",
        "nothing of them is found, and repeats are known, also after a restart with the same `LOG_HASH_KEY`",
        TESTS + "test_personal_data.py::test_without_texts_nothing_of_them_is_on_the_disk_and_repeats_are_known",
    ),
    Promise(
        "a model of one's own fails, and its error quotes the text",
        "500; nothing of the text is printed, with `redacted` and `hashed`",
        TESTS + "test_personal_data.py::test_a_model_whose_errors_quote_the_text_prints_nothing_of_it",
    ),
]

SUPPLY: list[Promise] = [
    Promise(
        "every shell is deleted from the images, which run read-only, as user 10001, without capabilities",
        "API, dashboard and watch become healthy, answer, and end by SIGTERM with exit code 0",
        f"{TESTS}test_images.py::test_without_any_shell_all_three_services_become_healthy_answer_and_end",
    ),
    Promise(
        "somebody gets into a container",
        "nothing is setuid, no program is new but its packages' own, and only log and state are writable",
        f"{TESTS}test_images.py::test_who_gets_in_finds_no_way_up_no_tools_and_nothing_to_change",
    ),
    Promise(
        "`.env`, `.git`, keys and data lie beside the code when the images are built",
        "none of it is in any layer",
        f"{TESTS}test_images.py::test_what_lies_beside_the_code_comes_into_no_layer",
    ),
    Promise(
        "somebody asks what is in the images",
        "`make sbom` lists every installed package of Python, with its licence and the pinned SHA-256, and of Debian",
        f"{TESTS}test_images.py::test_a_bill_of_materials_lists_what_is_installed",
    ),
    Promise(
        "an index serves a package of the right name and version with other content",
        "it is not installed",
        f"{TESTS}test_supply.py::test_a_package_of_the_same_name_and_version_with_other_content_is_refused",
    ),
    Promise(
        "a pinned package is found to be vulnerable",
        "`make audit` fails and names it",
        f"{TESTS}test_supply.py::test_an_advisory_that_concerns_a_pinned_package_fails_the_audit",
    ),
    Promise(
        "the database of vulnerabilities does not answer",
        "`make audit` fails and says that nobody can tell",
        f"{TESTS}test_supply.py::test_an_audit_that_cannot_ask_fails_and_says_so",
    ),
    Promise(
        "a key or a password is committed, and deleted by the next commit",
        "`make secrets`, which CI runs, finds it",
        f"{TESTS}test_supply.py::test_a_secret_that_was_committed_is_found_even_after_it_was_deleted",
    ),
]

RETENTION = [
    Promise(
        "readers read a long log, and then a service begins to delete it, also where none has made a lock yet",
        "nothing is deleted before it is counted, and all of it afterwards",
        TESTS + "test_left_overs.py::test_nothing_is_deleted_while_readers_read_who_were_there_before_the_service",
    ),
    Promise(
        "a log is checked with `verify` while files are closed and compressed under load",
        "it is sound each time",
        TESTS + "test_retention.py::test_a_log_is_sound_whenever_it_is_checked",
    ),
    Promise(
        "readers begin while the service compresses, one file after another",
        "they count everything",
        TESTS + "test_left_overs.py::test_readers_count_everything_while_the_service_compresses",
    ),
    Promise(
        "the service or `erase` is killed while it compresses",
        "what it left is removed, no text stays that is not erased, and no other line is lost",
        TESTS + "test_left_overs.py::test_a_kill_amid_compressing_or_erasing_leaves_no_text_that_is_not_erased",
    ),
    Promise(
        "a service starts where one was killed while it compressed, and everything is to be kept",
        "what that one left is removed",
        TESTS + "test_left_overs.py::test_what_a_kill_left_is_removed_by_the_next_start_although_everything_is_kept",
    ),
    Promise(
        "a file is damaged, no file at all, or cannot be opened, when somebody's requests are erased",
        "it is named, all others are erased, exit code 2",
        TESTS + "test_left_overs.py::test_one_file_that_cannot_be_erased_is_named_and_all_others_are_erased",
    ),
    Promise(
        "files are closed and compressed under load",
        "nothing is lost, torn or refused",
        TESTS + "test_kills.py::test_closing_files_under_load_loses_nothing",
    ),
    Promise(
        "old files are deleted and compressed under load, while a reader follows and restarts",
        "nothing is deleted that is not counted, and figures go on as if all were there",
        TESTS + "test_retention.py::test_figures_go_on_as_if_nothing_had_been_deleted",
    ),
    Promise(
        "nobody opens the page after the dashboard was started",
        "it counts nevertheless, so that nothing is deleted that it has not counted",
        TESTS + "test_retention.py::test_the_dashboard_counts_with_nobody_looking",
    ),
    Promise(
        "somebody's requests are erased while the service runs",
        "none of their bytes is on the disk, all other lines are, and no reader starts over",
        TESTS + "test_retention.py::test_what_is_erased_under_load_is_gone_and_nothing_else",
    ),
]

MACHINES = [
    Promise(
        "`make run`, `stop` or `clean` after a restart of the machine: another process has the number of a service",
        "that process is neither ended nor taken for the service",
        "tests/scripts/test_local_services.py::"
        "test_a_process_that_was_not_started_here_is_neither_stopped_nor_taken_for_a_service",
    ),
    Promise(
        "a company's proxy is in the environment, and knows nothing of this machine",
        "health checks, `make run`, `helm test`, `evaluate.py` and the demo do not ask it",
        f"{TESTS}test_proxies.py::test_no_proxy_is_asked_for_what_is_on_this_machine",
    ),
    Promise(
        "Docker gives every container a proxy that does not answer",
        "API, dashboard and watch become healthy",
        f"{TESTS}test_images.py::test_all_three_services_become_healthy_with_a_proxy_of_docker",
    ),
    Promise(
        "the images are built with `umask 077`, from a checkout whose files have modes by chance",
        "user 10001 can read all of them; modes and owner are the same as ever",
        f"{TESTS}test_images.py::test_the_files_of_an_image_have_the_same_rights_whatever_those_of_the_checkout",
    ),
    Promise(
        "`helm upgrade --reuse-values` from a release that knew none of today's values",
        "the chart renders, with today's defaults for all but what Kubernetes defines",
        "tests/charts/test_missing_values.py::"
        "test_a_release_without_any_of_todays_values_is_upgraded_to_todays_defaults",
    ),
    Promise(
        "the service closes connections in the middle of an evaluation",
        "`evaluate.py` counts no item twice, and names those that the log may hold twice",
        "tests/repository/test_evaluate.py::test_an_item_that_the_api_may_have_logged_twice_counts_once_and_is_named",
    ),
]

SECTIONS = {
    "Faults": FAULTS,
    "Hostile input": HOSTILE,
    "Who may do what": ACCESS,
    "Personal data": PRIVACY,
    "The images and what is in them": SUPPLY,
    "Retention": RETENTION,
    "The machines that people have": MACHINES,
}
