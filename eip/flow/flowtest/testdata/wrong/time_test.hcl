suite {
  time      = "yesterday"
}
