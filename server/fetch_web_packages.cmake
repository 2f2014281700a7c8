# Puts the files that the page uses of npm packages into a folder, by their lock file; npm checks their digests.
#   cmake -DNPM=<npm> -DWEB=<folder of package.json> -DWORK=<folder> "-DFILES=<path>=<file of a package>;..." -P ...
# WORK/<path> are then there. Nothing of a package is run. Packages that `npm ci` has put into WEB before are used as they are,
# so that a build itself may do without a network.

file(MAKE_DIRECTORY "${WORK}")
foreach(name package.json package-lock.json)
  configure_file("${WEB}/${name}" "${WORK}/${name}" COPYONLY)
endforeach()
set(modules "${WORK}/node_modules")
set(there FALSE)
if(EXISTS "${WEB}/node_modules")
  execute_process(COMMAND "${NPM}" ls --omit=optional WORKING_DIRECTORY "${WEB}" OUTPUT_QUIET ERROR_QUIET
                  RESULT_VARIABLE result)
  if(result EQUAL 0)
    set(there TRUE)
    set(modules "${WEB}/node_modules")
  endif()
endif()
if(NOT there)
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
endif()
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([^=]+)=(.+)$" entry "${entry}")
  get_filename_component(folder "${WORK}${CMAKE_MATCH_1}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  configure_file("${modules}/${CMAKE_MATCH_2}" "${WORK}${CMAKE_MATCH_1}" COPYONLY)
  file(TOUCH "${WORK}${CMAKE_MATCH_1}")
endforeach()
