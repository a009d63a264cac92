#include "proto/check_times.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <vector>

#include "absl/strings/str_cat.h"

namespace braid {
namespace {

using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Timestamp;

// 9999-12-31T23:59:59Z, and 10,000 years: protobuf's own limits.
constexpr int64_t kTimeSecondsMax = 253402300799;
constexpr int64_t kDurationSecondsMax = 315576000000;
constexpr int32_t kNanosMax = 999999999;

bool InRange(const Message& message) {
  if (message.GetDescriptor() == Timestamp::descriptor()) {
    const auto& time = static_cast<const Timestamp&>(message);
    return time.seconds() >= 0 && time.seconds() <= kTimeSecondsMax && time.nanos() >= 0 &&
           time.nanos() <= kNanosMax;
  }
  if (message.GetDescriptor() == Duration::descriptor()) {
    const auto& duration = static_cast<const Duration&>(message);
    return duration.seconds() >= -kDurationSecondsMax &&
           duration.seconds() <= kDurationSecondsMax && duration.nanos() >= -kNanosMax &&
           duration.nanos() <= kNanosMax;
  }
  return true;
}

absl::Status CheckField(const FieldDescriptor& field, const Message& value) {
  if (!InRange(value)) {
    return absl::InvalidArgumentError(absl::StrCat(field.name(), " is out of range"));
  }
  return CheckTimes(value);
}

}  // namespace

absl::Status CheckTimes(const Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const Message& value = field->is_repeated()
                                 ? reflection.GetRepeatedMessage(message, field, i)
                                 : reflection.GetMessage(message, field);
      if (absl::Status status = CheckField(*field, value); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace braid
