// twitter-api-v2: rules, stream with faults, search, counts, lookup, usage,
// connections. X's names lead to the emulator in this process only.
'use strict';

const http = require('http');
const path = require('path');
const tls = require('tls');

const hosts = process.env.BRAID_HOSTS.split(',');
const token = process.env.BRAID_TOKEN;
const connect = tls.connect;
// The certificate is still checked against the name that the client asked for.
tls.connect = (options, ...rest) => {
  if (!hosts.includes(options.host)) throw new Error(`${options.host} is not X's`);
  return connect({
    ...options,
    servername: options.servername || options.host,
    host: '127.0.0.1',
    port: Number(process.env.BRAID_X_PORT),
  }, ...rest);
};

const { TwitterApi, ETwitterStreamEvent } =
    require(path.join(process.argv[2], 'twitter-api-v2'));

const query = 'cat';
const everything = 'cat sample:100';

function report(call, outcome, detail) {
  const text = detail === undefined ? '' : String(detail).slice(0, 160);
  console.log(JSON.stringify({ call, outcome, detail: text }));
}

async function check(call, run) {
  try {
    report(call, 'passed', await run());
  } catch (error) {
    report(call, 'failed', `${error.name}: ${error.message}`);
  }
}

function expect(condition, what) {
  if (!condition) throw new Error(typeof what === 'string' ? what : JSON.stringify(what));
}

function control(target) {
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port: process.env.BRAID_CONTROL_PORT, path: target }, (answer) => {
      let body = '';
      answer.on('data', (piece) => { body += piece; });
      answer.on('end', () => resolve(JSON.parse(body)));
    }).on('error', reject);
  });
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Resolves when the event came `count` times.
function events(stream, name, count = 1, ms = 20000) {
  return new Promise((resolve, reject) => {
    const found = [];
    const timer = setTimeout(
        () => reject(new Error(`${found.length} of ${count} ${name} within ${ms} ms`)), ms);
    const listener = (value) => {
      found.push(value);
      if (found.length < count) return;
      clearTimeout(timer);
      stream.off(name, listener);
      resolve(found);
    };
    stream.on(name, listener);
  });
}

async function main() {
  const client = new TwitterApi(token);
  const v2 = client.v2;
  const streamed = [];

  await check('appLogin: key and secret buy the token', async () => {
    const app = await new TwitterApi({ appKey: 'key', appSecret: 'secret' }).appLogin();
    await app.v2.streamRules();
  });
  await check('rules: list when there are none', async () => {
    const answer = await v2.streamRules();
    expect(answer.data === undefined && answer.meta.result_count === 0, answer);
  });
  await check('rules: dry run', async () => {
    const answer = await v2.updateStreamRules({ add: [{ value: 'dog' }] }, { dry_run: true });
    expect(answer.meta.summary.created === 1, answer);
    expect((await v2.streamRules()).data === undefined, 'the dry run added it');
  });
  await check('rules: add, list, duplicate, invalid', async () => {
    const added = await v2.updateStreamRules({ add: [{ value: everything, tag: 'all' }, { value: 'dog' }] });
    expect(added.data.length === 2 && added.data[0].tag === 'all', added);
    const twice = await v2.updateStreamRules({ add: [{ value: 'dog' }, { value: '((cat' }] });
    expect(twice.errors[0].title === 'DuplicateRule', twice);
    expect(twice.errors[1].title === 'UnprocessableEntity', twice);
    expect((await v2.streamRules()).data.length === 2, 'not two rules');
  });
  await check('rules: delete by id and by value', async () => {
    const dog = (await v2.streamRules()).data.find((rule) => rule.value === 'dog');
    let answer = await v2.updateStreamRules({ delete: { ids: [dog.id] } });
    expect(answer.meta.summary.deleted === 1, answer);
    await v2.updateStreamRules({ add: [{ value: 'bird' }] });
    answer = await v2.updateStreamRules({ delete: { values: ['bird'] } });
    expect(answer.meta.summary.deleted === 1, answer);
    answer = await v2.updateStreamRules({ delete: { ids: [dog.id] } });
    expect(answer.meta.summary.not_deleted === 1 && answer.errors, answer);
  });
  await check('rules: counts', async () => {
    const { data } = await v2.get('tweets/search/stream/rules/counts');
    expect(data.client_app_rules_count.rule_count === 1, data);
    return data.cap_per_client_app;
  });

  await check('stream: posts, fields, backfill', async () => {
    const stream = await v2.searchStream({
      'tweet.fields': ['created_at'], expansions: ['author_id'], backfill_minutes: 1 });
    const posts = await events(stream, ETwitterStreamEvent.Data, 50);
    stream.close();
    streamed.push(...posts.map((post) => post.data.id));
    expect(posts[0].data.text && posts[0].data.created_at, posts[0]);
    return `${posts.length} posts`;
  });
  await check('stream: keep-alive while nothing comes', async () => {
    const stream = await v2.searchStream();
    await control('/rate?posts=0');
    try {
      await events(stream, ETwitterStreamEvent.DataKeepAlive, 2);
    } finally {
      await control('/rate?posts=50');
      stream.close();
    }
  });
  for (const [how, what] of [['message', 'disconnect message'], ['zero', 'clean end'],
    ['reset', 'reset'], ['truncated', 'truncated chunk']]) {
    await check(`stream: ${what}, then it reconnects`, async () => {
      const stream = await v2.searchStream();
      stream.autoReconnect = true;
      await events(stream, ETwitterStreamEvent.Data, 5);
      const reconnected = events(stream, ETwitterStreamEvent.Reconnected);
      const told = how === 'message' ? events(stream, ETwitterStreamEvent.DataError) : undefined;
      await control(`/close?how=${how}`);
      if (told) await told;
      await reconnected;
      const posts = await events(stream, ETwitterStreamEvent.Data, 5);
      stream.close();
      return `${posts.length} posts after it`;
    });
  }
  await check('stream: silence is noticed and reconnected', async () => {
    const stream = await v2.searchStream();
    stream.autoReconnect = true;
    stream.keepAliveTimeoutMs = 3000;
    await events(stream, ETwitterStreamEvent.Data, 5);
    const reconnected = events(stream, ETwitterStreamEvent.Reconnected);
    await control('/black-hole?seconds=60');
    await reconnected;
    await events(stream, ETwitterStreamEvent.Data, 5);
    stream.close();
  });
  await check('stream: a third connection is refused with 429', async () => {
    await pause(500);
    const both = [await v2.searchStream(), await v2.searchStream()];
    try {
      await v2.searchStream();
      throw new Error('not refused');
    } catch (error) {
      expect(error.code === 429 && error.data.connection_issue === 'TooManyConnections', error.message);
    } finally {
      both.forEach((stream) => stream.close());
    }
  });

  await check('search: pages are complete and in order', async () => {
    await pause(2000); // the index delay
    const end = new Date(Date.now() - 11000).toISOString().replace(/\.\d+Z/, 'Z');
    const found = await v2.search(query, { max_results: 50, end_time: end });
    await found.fetchLast(100000);
    const ids = found.tweets.map((post) => BigInt(post.id));
    expect(ids.every((id, i) => i === 0 || id < ids[i - 1]), 'repeats or wrong order');
    const counted = await v2.tweetCountRecent(query, { end_time: end, granularity: 'minute' });
    expect(counted.meta.total_tweet_count === ids.length,
        `${ids.length} found, ${counted.meta.total_tweet_count} counted`);
    return `${ids.length} posts`;
  });
  await check('search: rate limit is shown', async () => {
    const found = await v2.search(query);
    expect(found.rateLimit.limit === 450 && found.rateLimit.remaining < 450, found.rateLimit);
    return `${found.rateLimit.remaining} of ${found.rateLimit.limit}`;
  });
  await check('search all with includes', async () => {
    const found = await v2.searchAll(query, { max_results: 20, expansions: ['author_id'] });
    expect(found.tweets.length === 20, found.meta);
    expect(found.includes.author(found.tweets[0]) !== undefined, 'no author');
  });
  await check('search all: 429 within the same second', async () => {
    await pause(1100);
    await v2.searchAll(query);
    try {
      await v2.searchAll(query);
    } catch (error) {
      expect(error.code === 429 && error.rateLimitError, error.message);
      return 'refused';
    }
    throw new Error('not refused');
  });
  await check('search: a bad parameter is refused with X\'s words', async () => {
    try {
      await v2.search(query, { max_results: 5 });
    } catch (error) {
      expect(error.code === 400 && error.data.errors[0].message.includes('10 and 100'), error.data);
      return 'refused';
    }
    throw new Error('not refused');
  });
  await check('counts all', async () => {
    const counted = await v2.tweetCountAll(query, { granularity: 'day' });
    expect(counted.meta.total_tweet_count > 0, counted.meta);
    return counted.meta.total_tweet_count;
  });
  await check('lookup: everything that was streamed, and one that is not there', async () => {
    const found = await v2.tweets([...streamed, '1234567890123456789']);
    expect(new Set(found.data.map((post) => post.id)).size === new Set(streamed).size, 'posts are missing');
    expect(found.errors[0].title === 'Not Found Error', found.errors);
    expect((await v2.singleTweet(streamed[0])).data.id === streamed[0], 'one');
    return `${found.data.length} posts`;
  });
  await check('wrong token is refused', async () => {
    try {
      await new TwitterApi('wrong').v2.search(query);
    } catch (error) {
      expect(error.code === 401, error.message);
      return 'refused';
    }
    throw new Error('not refused');
  });
  await check('usage', async () => {
    const { data } = await v2.usage({ 'usage.fields': ['daily_project_usage', 'daily_client_app_usage'] });
    expect(Number(data.project_usage) >= 50 && data.daily_client_app_usage[0].usage.length > 0, data);
    return data.project_usage;
  });
  await check('connections: list and kill by endpoint', async () => {
    const stream = await v2.searchStream();
    const closed = events(stream, ETwitterStreamEvent.ConnectionClosed);
    stream.autoReconnect = false;
    const listed = await v2.get('connections');
    const newest = listed.data[listed.data.length - 1];
    expect(newest.endpoint_name === 'filtered_stream', listed);
    // It has no way to send the body that killing by id needs.
    const answer = await v2.delete('connections/filtered_stream');
    expect(answer.data.successful_kills >= 1, answer);
    await closed;
  });
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
