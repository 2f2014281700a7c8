# Puts the files that the page uses of npm packages into a folder, by their lock file; npm checks their digests.
#   cmake -DNPM=<npm> -DWEB=<folder of package.json> -DWORK=<folder> "-DFILES=<path>=<file of a package>;..." -P ...
# WORK/<path> are then there. Nothing of a package is run.

file(MAKE_DIRECTORY "${WORK}")
foreach(name package.json package-lock.json)
  configure_file("${WEB}/${name}" "${WORK}/${name}" COPYONLY)
endforeach()
execute_process(
  COMMAND "${NPM}" ci --ignore-scripts --omit=optional --prefer-offline --no-audit --no-fund --loglevel=error
  WORKING_DIRECTORY "${WORK}"
  OUTPUT_QUIET
  ERROR_VARIABLE complaint
  RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message("${complaint}")
  message(FATAL_ERROR "npm could not fetch the page's packages of web/package-lock.json (is the network there?)")
endif()
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([^=]+)=(.+)$" entry "${entry}")
  get_filename_component(folder "${WORK}${CMAKE_MATCH_1}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  configure_file("${WORK}/node_modules/${CMAKE_MATCH_2}" "${WORK}${CMAKE_MATCH_1}" COPYONLY)
  file(TOUCH "${WORK}${CMAKE_MATCH_1}")
endforeach()
