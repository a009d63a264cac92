// Posts by their ids, a hundred at a time. It learns nothing of what lies between
// them, so it vouches for no span: it is done when X has answered for every id,
// with the post or with why there is none.
//
// Threads: the loop.
// Ownership: as PageAsker's; the sink outlives it.
// Bounds: PageAsker's, one page.

#ifndef BRAID_RECOVERY_LOOKUP_FETCH_H_
#define BRAID_RECOVERY_LOOKUP_FETCH_H_

#include <cstdint>
#include <vector>

#include "base/http_client.h"
#include "base/loop.h"
#include "ingest/framer.h"
#include "recovery/fetch.h"
#include "recovery/fetched_posts.h"
#include "recovery/page_asker.h"
#include "recovery/search_request.h"

namespace braid {

class LookupFetch final : public Fetch {
 public:
  struct Options {
    SearchSource source;
    Interval wanted;
    // REQUIRES: some.
    std::vector<uint64_t> post_ids;
    size_t message_bytes_max = 2048;
    PageAsker::Options pages;
    Framer::Options framer;
  };

  LookupFetch(Loop& loop, HttpClient& http, RecordSink& sink, Options options, PageShare share,
              TokenSource token, Done done);
  ~LookupFetch() override;

  FetchProgress Progress() const override;

 private:
  void AskNext();
  void OnPage(const std::string& body);
  void Finish(const PageAsker::End& end);

  Loop& loop_;
  const Options options_;
  Done done_;
  FetchEvidence evidence_;
  FetchedPosts posts_;
  PageShare share_;
  // Of those under way.
  std::vector<uint64_t> asked_ids_;
  size_t next_ = 0;
  PageAsker asker_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_LOOKUP_FETCH_H_
