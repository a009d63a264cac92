#include "tests/cli/run_words.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/command_line.h"

namespace braid {

Printed RunWords(const std::vector<std::string>& words, Interrupt& interrupt, Terminal terminal,
                 FILE* out) {
  Printed printed;
  ParsedCommandLine parsed = ParseCommandLine(words, [](const char*) { return nullptr; });
  EXPECT_FALSE(parsed.exit_code.has_value()) << parsed.error;
  if (parsed.exit_code.has_value()) return printed;
  char* out_text = nullptr;
  char* err_text = nullptr;
  size_t out_size = 0, err_size = 0;
  terminal.out = out != nullptr ? out : open_memstream(&out_text, &out_size);
  terminal.err = open_memstream(&err_text, &err_size);
  printed.code = RunCommand(parsed.command_line, terminal, interrupt);
  std::fclose(terminal.out);
  std::fclose(terminal.err);
  printed.out.assign(out_text != nullptr ? out_text : "", out_size);
  printed.err.assign(err_text, err_size);
  std::free(out_text);
  std::free(err_text);
  return printed;
}

FILE* OpenInterrupting(Interrupt* interrupt) {
  cookie_io_functions_t functions{};
  functions.write = [](void* cookie, const char*, size_t size) {
    static_cast<Interrupt*>(cookie)->Trigger();
    return static_cast<ssize_t>(size);
  };
  return fopencookie(interrupt, "w", functions);
}

}  // namespace braid
