# a title
#without a blank
west# echo one
west#echo two
rise#   three blanks
this line is dropped, and so is the next
West# echo no

rise#
final# echo end
#
west# echo last, without a newline