"""tweepy: rules, stream with faults, search, counts, lookup, connections."""

import datetime
import queue
import threading
import time

from loopback import TOKEN, check, control, expect
import tweepy

QUERY = "cat"
EVERYTHING = "cat sample:100"


class Stream(tweepy.StreamingClient):
    """Collects what happens."""

    def __init__(self, **options):
        super().__init__(TOKEN, chunk_size=512, **options)
        self.events = queue.Queue()

    def on_tweet(self, tweet):
        self.events.put(("tweet", tweet))

    def on_keep_alive(self):
        self.events.put(("keep-alive", None))

    def on_errors(self, errors):
        self.events.put(("errors", errors))

    def on_closed(self, response):
        self.events.put(("closed", None))

    def on_connection_error(self):
        self.events.put(("connection-error", None))

    def on_request_error(self, status_code):
        self.events.put(("request-error", status_code))

    def on_exception(self, exception):
        self.events.put(("exception", exception))

    def on_connect(self):
        self.events.put(("connect", None))

    def take(self, kind, count=1, seconds=20):
        """The next `count` events of the kind; others are passed over."""
        found, others, deadline = [], [], time.monotonic() + seconds
        while len(found) < count:
            left = deadline - time.monotonic()
            expect(left > 0, f"{len(found)} of {count} {kind} within {seconds} s; {others[-3:]}")
            try:
                name, value = self.events.get(timeout=left)
            except queue.Empty:
                continue
            if name == kind:
                found.append(value)
            elif name != "tweet":
                others.append(name if value is None else f"{name}: {value}")
        return found

    def finish(self):
        self.disconnect()
        if self.thread:
            self.thread.join(25)


rules = tweepy.StreamingClient(TOKEN)


@check("rules: list when there are none")
def _():
    expect(rules.get_rules().data is None, "there are rules")


@check("rules: dry run")
def _():
    answer = rules.add_rules(tweepy.StreamRule("dog", "pets"), dry_run=True)
    expect(answer.meta["summary"]["created"] == 1, answer)
    expect(rules.get_rules().data is None, "the dry run added it")


@check("rules: add two")
def _():
    answer = rules.add_rules([tweepy.StreamRule(EVERYTHING, "all"), tweepy.StreamRule("dog")])
    expect([rule.tag for rule in answer.data] == ["all", None], answer)
    return answer.meta["summary"]


@check("rules: a duplicate beside a new one is a partial failure")
def _():
    answer = rules.add_rules([tweepy.StreamRule("dog"), tweepy.StreamRule("bird")])
    expect(len(answer.data) == 1 and answer.errors[0]["title"] == "DuplicateRule", answer)


@check("rules: invalid syntax")
def _():
    answer = rules.add_rules(tweepy.StreamRule("((cat"))
    expect(answer.errors[0]["title"] == "UnprocessableEntity", answer)
    return answer.errors[0]["details"]


@check("rules: list and delete by id")
def _():
    found = [rule for rule in rules.get_rules().data if rule.value in ("dog", "bird")]
    answer = rules.delete_rules([rule.id for rule in found])
    expect(answer.meta["summary"]["deleted"] == 2, answer)
    expect([rule.value for rule in rules.get_rules().data] == [EVERYTHING], "not the right ones")


streamed = []


@check("stream: posts, fields, backfill")
def _():
    stream = Stream()
    stream.filter(threaded=True, tweet_fields=["created_at", "author_id"], expansions="author_id",
                  backfill_minutes=1)
    posts = stream.take("tweet", 50)
    stream.finish()
    streamed.extend(post.id for post in posts)
    expect(posts[0].text and posts[0].created_at, "fields are missing")
    return f"{len(posts)} posts"


@check("stream: keep-alive while nothing comes")
def _():
    control("/rate?posts=0")
    try:
        stream = Stream()
        stream.filter(threaded=True)
        stream.take("keep-alive", 2)
        stream.finish()
    finally:
        control("/rate?posts=50")


def reconnects(how, first):
    stream = Stream()
    stream.filter(threaded=True)
    try:
        stream.take("tweet", 5)
        control(f"/close?how={how}")
        stream.take(first)
        stream.take("connect")
        posts = stream.take("tweet", 5)
    finally:
        # It holds a slot of the next checks.
        stream.finish()
    return f"{first}, then {len(posts)} posts"


@check("stream: disconnect message, then it reconnects")
def _():
    return reconnects("message", "errors")


@check("stream: clean end, then it reconnects")
def _():
    return reconnects("zero", "closed")


@check("stream: reset, then it reconnects")
def _():
    return reconnects("reset", "connection-error")


@check("stream: truncated chunk, then it reconnects")
def _():
    return reconnects("truncated", "connection-error")


@check("stream: a third connection is refused with 429")
def _():
    both = [Stream(), Stream()]
    for stream in both:
        stream.filter(threaded=True)
        stream.take("tweet")
    # A thread that does not hold the process up in its back-off.
    third = Stream(max_retries=0, daemon=True)
    third.filter(threaded=True)
    expect(third.take("request-error") == [429], "not refused")
    for stream in both:
        stream.finish()


client = tweepy.Client(TOKEN)


@check("search recent: one page with fields")
def _():
    time.sleep(2)  # the index delay
    answer = client.search_recent_tweets(QUERY, max_results=20, tweet_fields=["created_at"],
                                         expansions=["author_id"])
    expect(len(answer.data) == 20 and answer.data[0].created_at, answer.meta)
    expect(answer.includes["users"], "no users")
    return answer.meta["result_count"]


@check("search recent: pages are complete and in order")
def _():
    end = (datetime.datetime.now(datetime.timezone.utc)
           - datetime.timedelta(seconds=11)).replace(microsecond=0)
    time.sleep(2)
    found = list(tweepy.Paginator(client.search_recent_tweets, QUERY, max_results=10,
                                  end_time=end).flatten())
    ids = [post.id for post in found]
    expect(ids == sorted(set(ids), reverse=True), "repeats or wrong order")
    count = client.get_recent_tweets_count(QUERY, end_time=end).meta["total_tweet_count"]
    expect(count == len(ids), f"{len(ids)} found, {count} counted")
    return f"{len(ids)} posts"


@check("search recent: since_id and until_id")
def _():
    ids = [post.id for post in client.search_recent_tweets(QUERY, max_results=100).data]
    answer = client.search_recent_tweets(QUERY, since_id=ids[9], until_id=ids[2], max_results=100)
    expect([post.id for post in answer.data] == ids[3:9], "not the posts between")


@check("search all, and 429 at the second request within a second")
def _():
    expect(client.search_all_tweets(QUERY, max_results=50).data, "nothing found")
    try:
        client.search_all_tweets(QUERY)
    except tweepy.TooManyRequests:
        return "refused"
    raise AssertionError("not refused")


@check("search: a bad parameter is a BadRequest with X's words")
def _():
    try:
        client.search_recent_tweets(QUERY, max_results=5)
    except tweepy.BadRequest as error:
        expect("is not between 10 and 100" in str(error), error)
        return "refused"
    raise AssertionError("not refused")


@check("counts: recent by minute, all by day")
def _():
    recent = client.get_recent_tweets_count(QUERY, granularity="minute")
    expect(sum(row["tweet_count"] for row in recent.data) == recent.meta["total_tweet_count"], "sum")
    every = client.get_all_tweets_count(QUERY, granularity="day")
    expect(every.meta["total_tweet_count"] > 0, every.meta)
    return recent.meta["total_tweet_count"]


@check("lookup: everything that was streamed, and one that is not there")
def _():
    ids = streamed[:50]
    answer = client.get_tweets(ids + [1234567890123456789])
    expect({post.id for post in answer.data} == set(ids), "posts are missing")
    expect(answer.errors[0]["title"] == "Not Found Error", answer.errors)
    expect(client.get_tweet(ids[0]).data.id == ids[0], "one")
    return f"{len(set(ids))} posts"


@check("wrong token is Unauthorized")
def _():
    try:
        tweepy.Client("wrong").search_recent_tweets(QUERY)
    except tweepy.Unauthorized:
        return "refused"
    raise AssertionError("not refused")


@check("oauth2/token: key and secret")
def _():
    handler = tweepy.OAuth2AppHandler("key", "secret")
    expect(handler._bearer_token == TOKEN, "another token")


@check("usage")
def _():
    usage = client.request("GET", "/2/usage/tweets").json()["data"]
    expect(int(usage["project_usage"]) >= 50, usage)
    return usage["project_usage"]


@check("connections: list, kill by id, the stream notices")
def _():
    stream = Stream()
    stream.filter(threaded=True)
    stream.take("tweet")
    listed = client.request("GET", "/2/connections").json()["data"]
    expect(listed[0]["endpoint_name"] == "filtered_stream", listed)
    answer = client.request("DELETE", "/2/connections", json={"uuids": [listed[0]["id"]]}).json()
    expect(answer["data"]["successful_kills"] == 1, answer)
    stream.take("connect", 1)
    stream.take("tweet", 3)
    stream.finish()
    ended = client.request("GET", "/2/connections", params={"status": "inactive",
                                                             "max_results": 100}).json()["data"]
    expect(any(row.get("disconnect_reason") == "operator_disconnect" for row in ended), ended)


# Threads of clients that still wait must not hold the end up.
for thread in threading.enumerate():
    if thread is not threading.main_thread() and not thread.daemon:
        thread.join(30)
