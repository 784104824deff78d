package graph

// TextWidth is how wide pictures take a text to be.
var TextWidth = textWidth
