#include "cli/screen.h"

#include <ncurses.h>

#include <clocale>
#include <sstream>

#include "cli/text.h"

namespace braid {

Screen::Screen(bool color) : color_(color) {
  std::setlocale(LC_CTYPE, "");
  initscr();
  cbreak();
  noecho();
  curs_set(0);
  keypad(stdscr, TRUE);
  timeout(100);
  if (color_ && has_colors()) {
    start_color();
    use_default_colors();
    init_pair(1, COLOR_GREEN, -1);
    init_pair(2, COLOR_YELLOW, -1);
    init_pair(3, COLOR_RED, -1);
  }
}

Screen::~Screen() { endwin(); }

void Screen::Paint(const std::string& text, int health) {
  resized_ = false;
  erase();
  std::istringstream lines(text);
  std::string line;
  for (int row = 0; row < LINES && std::getline(lines, line); ++row) {
    bool painted = row == 0 && color_ && health >= 1 && health <= 3;
    if (painted) attron(COLOR_PAIR(health) | A_BOLD);
    // ncurses would go on in the next row.
    mvaddstr(row, 0, Truncate(line, COLS).c_str());
    if (painted) attroff(COLOR_PAIR(health) | A_BOLD);
  }
  refresh();
}

int Screen::width() const { return COLS; }

int Screen::ReadKey() {
  int key = getch();
  if (key == KEY_RESIZE) resized_ = true;
  return key == ERR ? 0 : key;
}

}  // namespace braid
