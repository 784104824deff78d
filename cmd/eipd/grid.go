package main

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/eipd/eipd/internal/visible"
)

// style is how a terminal shows text.
type style string

const (
	plain   style = ""
	bold    style = "1"
	faint   style = "2"
	reverse style = "7"
	red     style = "31"
	green   style = "32"
	yellow  style = "33"
)

// A cell is one text of a grid.
type cell struct {
	text  string
	style style
	right bool // aligned there, as numbers are
}

// texts makes cells.
func texts(all ...string) []cell {
	row := make([]cell, len(all))
	for i, t := range all {
		row[i].text = t
	}
	return row
}

// head makes the cells of a grid's head.
func head(all ...string) []cell {
	row := texts(all...)
	for i := range row {
		row[i].style = bold
	}
	return row
}

func number(text string) cell { return cell{text: text, right: true} }

// grid is a table of texts for people.
type grid struct {
	rows    [][]cell
	marked  int  // the row that is shown in reverse; 0, the head's, is none
	colours bool // what is not plain is shown so
}

func (g *grid) add(row ...cell) { g.rows = append(g.rows, row) }

// print writes the lines.
func (g *grid) print(w io.Writer) error {
	_, err := io.WriteString(w, strings.Join(append(g.lines(0), ""), "\n"))
	return err
}

// lines returns the rows, cut to a width unless that is 0.
func (g *grid) lines(width int) []string {
	if len(g.rows) > 1 { // a head stands above its column's texts
		for i := range min(len(g.rows[0]), len(g.rows[1])) {
			g.rows[0][i].right = g.rows[1][i].right
		}
	}
	var widths []int
	for _, row := range g.rows {
		for i := range row {
			row[i].text = visible.Line(row[i].text)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
	}
	lines := make([]string, len(g.rows))
	for i, row := range g.rows {
		lines[i] = g.line(row, widths, width, i > 0 && i == g.marked)
	}
	return lines
}

const between = "  "

func (g *grid) line(row []cell, widths []int, width int, marked bool) string {
	var out strings.Builder
	used := 0
	put := func(text string, s style) {
		if width > 0 {
			text = cut(text, width-used)
		}
		used += utf8.RuneCountInString(text)
		out.WriteString(styled(text, s, g.colours && !marked))
	}
	for i, c := range row {
		blank := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text))
		if i > 0 {
			put(between, plain)
		}
		if c.right {
			put(blank, plain)
		}
		put(c.text, c.style)
		if !c.right {
			put(blank, plain)
		}
	}
	if marked {
		return styled(out.String()+strings.Repeat(" ", max(0, width-used)), reverse, true)
	}
	return strings.TrimRight(out.String(), " ")
}

// cut shortens a text to a number of letters.
func cut(text string, width int) string {
	if letters := []rune(text); len(letters) > width {
		return string(letters[:max(0, width)])
	}
	return text
}

// styled is a text as it may be printed.
func styled(text string, s style, colours bool) string {
	text = visible.Line(text)
	if !colours || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// raw is where bytes go as they are, unless people look at them.
func raw(w io.Writer) io.Writer {
	if terminal(w) != nil {
		return visible.Writer{To: w, Show: visible.Lines}
	}
	return w
}

// colourful reports whether w is a terminal for somebody who wants colours.
func colourful(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && terminal(w) != nil
}

// terminal returns the file that a reader or writer is, where that is a terminal.
func terminal(of any) *os.File {
	if f, ok := of.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}
