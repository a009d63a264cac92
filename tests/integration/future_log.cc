#include "tests/integration/future_log.h"

#include <rocksdb/db.h>

#include <memory>
#include <vector>

#include "braid/store/v1/log.pb.h"

namespace braid::integration {
namespace {

absl::Status ToStatus(const rocksdb::Status& status) {
  return status.ok() ? absl::OkStatus() : absl::InternalError(status.ToString());
}

rocksdb::Status Rewrite(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* meta, uint32_t format) {
  std::string value;
  rocksdb::Status status = db->Get(rocksdb::ReadOptions(), meta, "identity", &value);
  if (!status.ok()) return status;
  store::v1::Identity identity;
  if (!identity.ParseFromString(value)) return rocksdb::Status::Corruption("identity");
  identity.set_format(format);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  status = db->Put(synced, meta, "identity", identity.SerializeAsString());
  // As --init leaves it: in a table file, where it is read without the logs.
  return status.ok() ? db->Flush(rocksdb::FlushOptions(), meta) : status;
}

}  // namespace

absl::Status SetFormat(const std::string& dir, uint32_t format) {
  std::string path = dir + "/db";
  std::vector<std::string> names;
  rocksdb::Status status = rocksdb::DB::ListColumnFamilies(rocksdb::Options(), path, &names);
  if (!status.ok()) return ToStatus(status);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  status = rocksdb::DB::Open(rocksdb::DBOptions(), path, families, &handles, &opened);
  if (!status.ok()) return ToStatus(status);
  std::unique_ptr<rocksdb::DB> db(opened);
  status = rocksdb::Status::NotFound("no table meta");
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    if (handle->GetName() == "meta") status = Rewrite(db.get(), handle, format);
    db->DestroyColumnFamilyHandle(handle);
  }
  return ToStatus(status);
}

}  // namespace braid::integration
