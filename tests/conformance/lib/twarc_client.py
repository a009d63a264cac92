"""twarc: rules, stream with faults, search, counts, lookup."""

import datetime
import itertools
import threading
import time

from loopback import TOKEN, check, control, expect
from twarc.client2 import Twarc2

QUERY = "cat"
EVERYTHING = "cat sample:100"

twarc = Twarc2(bearer_token=TOKEN, metadata=False)


@check("rules: add, list, delete")
def _():
    added = twarc.add_stream_rules([{"value": EVERYTHING, "tag": "all"}, {"value": "dog"}])
    expect(added["meta"]["summary"]["created"] == 2, added)
    listed = twarc.get_stream_rules()
    expect([rule["value"] for rule in listed["data"]] == [EVERYTHING, "dog"], listed)
    deleted = twarc.delete_stream_rule_ids([listed["data"][1]["id"]])
    expect(deleted["meta"]["summary"]["deleted"] == 1, deleted)


@check("rules: duplicate")
def _():
    answer = twarc.add_stream_rules([{"value": EVERYTHING}])
    expect(answer["errors"][0]["title"] == "DuplicateRule", answer)


def take(stream, count, is_wanted=lambda line: "data" in line):
    return list(itertools.islice((line for line in stream if is_wanted(line)), count))


streamed = []


@check("stream: posts with all expansions and backfill")
def _():
    event = threading.Event()
    stream = twarc.stream(event=event, backfill_minutes=1)
    posts = take(stream, 50)
    event.set()
    stream.close()
    streamed.extend(post["data"]["id"] for post in posts)
    expect(all(post["includes"]["users"] for post in posts), "no users")
    return f"{len(posts)} posts"


@check("stream: keep-alive while nothing comes")
def _():
    stream = twarc.stream(record_keepalive=True)
    take(stream, 1)
    control("/rate?posts=0")
    try:
        expect(len(take(stream, 2, lambda line: line == "keep-alive")) == 2, "no keep-alive")
    finally:
        control("/rate?posts=50")
        stream.close()


def reconnects(how):
    stream = twarc.stream()
    take(stream, 5)
    control(f"/close?how={how}")
    # What was on its way comes first; then a new connection has to serve.
    posts = take(stream, 200)
    stream.close()
    return f"{len(posts)} posts after it"


@check("stream: OperationalDisconnect, then it reconnects")
def _():
    return reconnects("message&type=OperationalDisconnect")


@check("stream: clean end, then it reconnects")
def _():
    return reconnects("zero")


@check("stream: reset, then it reconnects")
def _():
    return reconnects("reset")


@check("search recent: pages are complete and in order")
def _():
    time.sleep(2)  # the index delay
    end = (datetime.datetime.now(datetime.timezone.utc)
           - datetime.timedelta(seconds=11)).replace(microsecond=0)
    ids = [post["id"] for page in twarc.search_recent(QUERY, end_time=end, max_results=50)
           for post in page["data"]]
    expect(ids == sorted(set(ids), reverse=True), "repeats or wrong order")
    counts = list(twarc.counts_recent(QUERY, end_time=end, granularity="minute"))
    total = sum(row["tweet_count"] for page in counts for row in page["data"])
    expect(total == len(ids), f"{len(ids)} found, {total} counted")
    return f"{len(ids)} posts"


@check("search all: pages at twarc's own pace")
def _():
    pages = list(itertools.islice(twarc.search_all(QUERY, max_results=10), 3))
    expect(len(pages) == 3, f"{len(pages)} pages")
    expect(all("includes" in page for page in pages), "no expansions")


@check("counts all by day")
def _():
    page = next(twarc.counts_all(QUERY, granularity="day"))
    expect(page["meta"]["total_tweet_count"] > 0, page["meta"])
    return page["meta"]["total_tweet_count"]


@check("lookup: everything that was streamed, and one that is not there")
def _():
    pages = list(twarc.tweet_lookup(streamed + ["1234567890123456789"]))
    found = {post["id"] for page in pages for post in page["data"]}
    expect(found == set(streamed), "posts are missing")
    expect(pages[0]["errors"][0]["resource_type"] == "tweet", pages[0]["errors"])
    return f"{len(found)} posts"


@check("oauth2/token: key and secret")
def _():
    other = Twarc2(consumer_key="key", consumer_secret="secret")
    expect(next(other.search_recent(QUERY, max_results=10))["data"], "nothing found")
