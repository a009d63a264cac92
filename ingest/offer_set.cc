#include "ingest/offer_set.h"

#include <utility>

namespace braid {

OfferSet::OfferSet(Loop& loop, Random& random, Spool& spool, const std::vector<Deduper>& dedupers,
                   const v1::OfferRequest::Hello& identity,
                   std::function<v1::ConnectionReport()> report)
    : spool_(spool) {
  OfferClient::Options options;
  options.identity = identity;
  for (const Deduper& deduper : dedupers) {
    options.deduper = static_cast<int>(clients_.size());
    options.name = deduper.name;
    clients_.push_back(
        std::make_unique<OfferClient>(loop, random, *deduper.dialer, spool, options, report));
  }
}

void OfferSet::SetDirectiveHandler(
    std::function<void(int deduper, const v1::OfferResponse::Directive&)> handler) {
  for (size_t i = 0; i < clients_.size(); ++i) {
    clients_[i]->SetDirectiveHandler(
        [handler, deduper = static_cast<int>(i)](const v1::OfferResponse::Directive& directive) {
          handler(deduper, directive);
        });
  }
}

void OfferSet::Start() {
  for (auto& client : clients_) client->Start();
}

void OfferSet::SendReport() {
  for (auto& client : clients_) client->SendReport();
}

void OfferSet::Drain(absl::AnyInvocable<void()> done) {
  on_drained_ = std::move(done);
  drains_left_ = 1;
  for (auto& client : clients_) {
    // Who is away takes it from the spool later.
    if (!client->connected()) continue;
    ++drains_left_;
    client->Drain(owner_.Wrap([this] { OneDone(); }));
  }
  spool_.Flush(owner_.Wrap([this] { OneDone(); }));
}

void OfferSet::OneDone() {
  if (--drains_left_ == 0) std::exchange(on_drained_, nullptr)();
}

bool OfferSet::IsDelivered() const {
  for (size_t i = 0; i < clients_.size(); ++i) {
    if (!clients_[i]->connected() || !spool_.FullyAcknowledged(static_cast<int>(i))) return false;
  }
  return true;
}

void OfferSet::CollectMetrics(MetricSink& sink, const MetricLabels& labels) const {
  for (const auto& client : clients_) client->CollectMetrics(sink, labels);
}

}  // namespace braid
