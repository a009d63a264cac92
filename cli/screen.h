// A full screen of text over ncurses. One at a time; the constructing thread
// only.

#ifndef BRAID_CLI_SCREEN_H_
#define BRAID_CLI_SCREEN_H_

#include <string>

namespace braid {

class Screen {
 public:
  explicit Screen(bool color);
  // Gives the terminal back as it was.
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // The first line is painted by health: 1 green, 2 yellow, 3 red. What does
  // not fit is cut.
  void Paint(const std::string& text, int health);

  // Columns there are now.
  int width() const;

  // Waits up to 100 ms; 0 where no key was pressed.
  int ReadKey();
  // Since the last Paint.
  bool resized() const { return resized_; }

 private:
  const bool color_;
  bool resized_ = false;
};

}  // namespace braid

#endif  // BRAID_CLI_SCREEN_H_
