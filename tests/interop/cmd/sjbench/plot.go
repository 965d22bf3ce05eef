package main

import (
	"fmt"
	"html"
	"strings"
)

// Sizes of the plots, in pixels.
const (
	plotWidth   = 900
	plotLabels  = 170
	plotBars    = 290 // of the longest bar, in each of two columns
	plotRow     = 22
	plotHeading = 56
)

var plotColours = map[string]string{"sjcp": "#0b6e4f", "floor": "#8a8a8a", "aria2c": "#c98a1b", "curl": "#dcb56a"}

// plot draws every series of the report: a bar for the median of wall time and one for CPU, and the runs as dots.  ""
// when there is nothing to draw.
func (r *report) plot() string {
	var body strings.Builder
	y := 10
	for i := range r.Scenarios {
		if len(r.Scenarios[i].Series) > 0 {
			y = r.Scenarios[i].draw(&body, y)
		}
	}
	if body.Len() == 0 {
		return ""
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="white"/>
%s</svg>
`, plotWidth, y+10, body.String())
}

func (o *outcome) draw(body *strings.Builder, y int) int {
	columns := []struct {
		title string
		x     int
		of    func(sample) float64
	}{{"wall, s", plotLabels, wall}, {"CPU, s", plotLabels + plotBars + 90, cpu}}
	label := func(x, y int, extra, text string) {
		fmt.Fprintf(body, `<text x="%d" y="%d"%s>%s</text>`+"\n", x, y, extra, html.EscapeString(text))
	}
	label(10, y+16, ` font-weight="bold"`, o.Scenario+": "+o.Title)
	for _, c := range columns {
		label(c.x, y+40, ` fill="#555"`, c.title)
	}
	top := y + plotHeading
	for _, c := range columns {
		longest := 0.0
		for _, s := range o.Series {
			for _, run := range s.Runs {
				longest = max(longest, c.of(run))
			}
		}
		scale := plotBars / max(longest, 1e-9)
		for i, s := range o.Series {
			row := top + i*plotRow
			colour := plotColours[s.Program]
			if colour == "" {
				colour = "#4a7ebb"
			}
			width := c.of(s.Median) * scale
			fmt.Fprintf(body, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", c.x, row, width, plotRow-6, colour)
			for _, run := range s.Runs {
				fmt.Fprintf(body, `<circle cx="%.1f" cy="%d" r="2.5" fill="none" stroke="black"/>`+"\n",
					float64(c.x)+c.of(run)*scale, row+(plotRow-6)/2)
			}
			label(c.x+plotBars+8, row+12, "", number(c.of(s.Median)))
		}
	}
	for i, s := range o.Series {
		label(10, top+i*plotRow+12, "", s.Job+" "+s.Program)
	}
	return top + len(o.Series)*plotRow + 16
}
