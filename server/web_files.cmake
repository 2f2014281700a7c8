# The page becomes part of the program: the files of web/, and under /packages what they use of npm packages. A new, changed
# or removed file, or another lock file, rebuilds them. Sets PUNA_EMBEDDED_WEB, a source.
find_program(NPM npm)
if(NOT NPM)
  message(FATAL_ERROR "The page's packages come with npm, which is not here (Debian's package is called npm)")
endif()

set(web ${PROJECT_SOURCE_DIR}/web)
set(packages ${CMAKE_CURRENT_BINARY_DIR}/web_packages)

# URL=file of a package. Languages are fetched by the page one by one, when it shows code in them.
set(package_files
  /packages/marked.js=marked/lib/marked.esm.js
  /packages/purify.js=dompurify/dist/purify.min.js
  /packages/highlight.js=@highlightjs/cdn-assets/es/core.min.js)
foreach(language bash c cmake cpp csharp css diff dockerfile go ini java javascript json kotlin markdown php python
                 ruby rust sql swift typescript xml yaml)
  list(APPEND package_files
    /packages/languages/${language}.js=@highlightjs/cdn-assets/es/languages/${language}.min.js)
endforeach()
list(TRANSFORM package_files REPLACE "=.*" "" OUTPUT_VARIABLE package_urls)
list(TRANSFORM package_urls PREPEND ${packages} OUTPUT_VARIABLE package_paths)
add_custom_command(
  OUTPUT ${package_paths}
  COMMAND ${CMAKE_COMMAND} -DNPM=${NPM} -DWEB=${web} -DWORK=${packages} "-DFILES=${package_files}"
          -P ${CMAKE_CURRENT_LIST_DIR}/fetch_web_packages.cmake
  DEPENDS ${web}/package.json ${web}/package-lock.json ${CMAKE_CURRENT_LIST_FILE}
          ${CMAKE_CURRENT_LIST_DIR}/fetch_web_packages.cmake
  COMMENT "Fetching the page's packages"
  VERBATIM)

set(patterns html js css svg png)
list(TRANSFORM patterns PREPEND ${web}/*.)
file(GLOB_RECURSE own_paths CONFIGURE_DEPENDS ${patterns})
list(FILTER own_paths EXCLUDE REGEX "/node_modules/")
set(files "")
foreach(path IN LISTS own_paths)
  string(REPLACE "${web}" "" url "${path}")
  list(APPEND files ${url}=${path})
endforeach()
foreach(url IN LISTS package_urls)
  list(APPEND files ${url}=${packages}${url})
endforeach()
set(PUNA_EMBEDDED_WEB ${CMAKE_CURRENT_BINARY_DIR}/embedded_web_files.cc)
add_custom_command(
  OUTPUT ${PUNA_EMBEDDED_WEB}
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${PUNA_EMBEDDED_WEB} "-DFILES=${files}"
          -P ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake
  DEPENDS ${own_paths} ${package_paths} ${CMAKE_CURRENT_LIST_FILE} ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake
  COMMENT "Embedding the page"
  VERBATIM)
