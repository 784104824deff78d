// Package conformance holds eipd to its flow-file language from outside: it runs
// the command on small flow files and looks at what comes out. Nothing here uses
// the product's Go packages, so the cases hold for any rewrite of them.
//
// # Cases
//
// A case is a txtar archive. Its comment says what the case shows and lists the
// commands, each after "$ ", which a shell runs one after the other in a
// directory that holds the archive's files:
//
//	A filter drops what its expression does not let pass.
//
//	$ eipd run --until-idle flow.hcl
//	-- flow.hcl --
//	…
//	-- stdin --
//	what the first command reads
//	-- want/stdout --
//	what all commands together print
//	-- want/rejected.txt --
//	what the file rejected.txt holds afterwards
//
// A command may end in "# exit N" (the default is 0, and 4 of a run until idle that
// says that messages failed for good) or in "&": then it goes on in
// the background, the next one starts when it is ready, and at the end of the
// case, once all wanted files are complete, it is told to terminate. The shell
// knows eipd, and post URL BODY [CONTENT-TYPE], which prints the status and the
// body of the answer. $PORT is a free port.
//
// Without a command, a valid case runs flow.hcl until idle after checking it; an
// invalid one checks it and expects exit 1. A case with both flow.hcl and
// flow.hcl.json is run with each of them alone.
//
// A wanted file's name may be followed by one of:
//
//	(unordered)  the lines may come in any order
//	(json)       each line is compared as a JSON value
//	(unordered json)
//	(empty)      there is no such file, or nothing in it
//
// In want/stderr each line is a list of words, see below, that some line of the
// standard error must have.
//
// # Errors
//
// In a flow file of an invalid case, a comment with carets stands below a guilty
// line. Each caret is a column at which the error may be reported; a caret in the
// second column means the first, which the comment sign hides. After the carets
// come words that the report must have outside of the source it quotes, in any
// case of letters: "a, b|c, !d" means a, and b or c, and not d.
//
//	from = queue.ordrs
//	#      ^ did you mean, queue.orders
//
// Where a report may stand at one of several lines, each has "^?" with the same
// words. What cannot hold a comment has its errors in want/errors, each as
// "FILE:LINE:COLUMN: words", with * for any line or column, and with more such
// places after a | each. Where a case has any of these, nothing else may be
// reported.
//
// A file whose name ends in .tmpl is expanded by text/template, with the function
// repeat N TEXT, and loses that ending.
package conformance
